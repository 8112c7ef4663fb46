"""A gateway that does what it is told, good or bad: for clients that must bear all of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from infra import sse

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

JOB = "job_1"


def job(status: str = "completed", text: str = "Blue.", job_id: str = JOB, **more: Any) -> dict[str, Any]:
    """A job object with what clients look at."""
    result = {"choices": [{"message": {"role": "assistant", "content": text}}]} if status == "completed" else None
    return {"id": job_id, "object": "job", "status": status, "result": result, "error": None, **more}


def says(status: int, body: Any, **headers: str) -> Answer:
    """Answer with that status and JSON body."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return answer


def refuses(status: int, message: str = "no", code: str | None = None, **headers: str) -> Answer:
    """Answer with an error in the shape of all our errors."""
    return says(status, {"error": {"message": message, "type": "x", "param": None, "code": code}}, **headers)


def streams(*events: tuple[int, str, Any], cut: bool = False, stay_open: bool = False, after_s: float = 0) -> Answer:
    """Send these events (id, type, data); then break the connection with `cut`, or say no more with `stay_open`.

    `after_s`: how long it stands before it is broken, in silence.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(sse.PING)
        for number, event, data in events:
            await response.write(sse.encode(json.dumps(data), event=event, id=number))
        await asyncio.sleep(after_s)
        if cut:
            assert request.transport is not None
            request.transport.close()
        while stay_open:
            await asyncio.sleep(0.05)
            await response.write(sse.PING)
        return response

    return answer


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without a word."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@dataclass
class UnrulyGateway:
    """What it will answer next, by route; the last answer of a route stands for all that follow."""

    submits: list[Answer] = field(default_factory=lambda: [says(202, job("queued"))])
    events: list[Answer] = field(default_factory=lambda: [streams((1, "done", job()))])
    reads: list[Answer] = field(default_factory=lambda: [says(200, job())])
    heard: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    model: str = "tiny"
    url: str = ""

    async def submit(self, request: web.Request) -> web.StreamResponse:
        return await self._next(self.submits, request)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        return await self._next(self.events, request)

    async def read(self, request: web.Request) -> web.StreamResponse:
        return await self._next(self.reads, request)

    async def models(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [{"id": self.model, "object": "model"}]})

    def headers_of(self, route: str) -> list[dict[str, str]]:
        """The headers of every request to a route, in order."""
        return [headers for path, headers, _ in self.heard if path == route]

    def bodies(self) -> list[Any]:
        """Every body submitted, in order."""
        return [body for path, _, body in self.heard if path == "/v1/jobs"]

    async def _next(self, answers: list[Answer], request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.heard.append((request.path, dict(request.headers), body))
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return await answer(request)


@asynccontextmanager
async def served(gateway: UnrulyGateway) -> AsyncIterator[UnrulyGateway]:
    """Serve it on a free port."""
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/jobs", gateway.submit),
            web.get("/v1/jobs/{job_id}", gateway.read),
            web.get("/v1/jobs/{job_id}/events", gateway.follow),
            web.get("/v1/models", gateway.models),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield gateway
    finally:
        await runner.cleanup()
