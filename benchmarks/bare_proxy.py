"""A pass-through of aiohttp and nothing else: what HTTP itself costs in Python, for others to be measured against.

Run: `python -m benchmarks.bare_proxy UPSTREAM PORT`.
"""

import sys
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

UPSTREAM = web.AppKey("upstream", aiohttp.ClientSession)


async def forward(request: web.Request) -> web.StreamResponse:
    """The same request to the upstream, its answer as it comes."""
    body = await request.read()
    headers = {"Content-Type": "application/json"}
    async with request.app[UPSTREAM].post(request.path, data=body, headers=headers) as answer:
        if answer.content_type != "text/event-stream":
            content = await answer.read()
            return web.Response(status=answer.status, body=content, content_type=answer.content_type)
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        return response


def app(upstream: str) -> web.Application:
    """The whole proxy."""
    made = web.Application()

    async def session(_app: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        async with aiohttp.ClientSession(upstream, connector=connector) as opened:
            made[UPSTREAM] = opened
            yield

    made.cleanup_ctx.append(session)
    made.router.add_post("/{path:.*}", forward)
    return made


if __name__ == "__main__":
    web.run_app(app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None)
