"""A moderation hook over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from infra.errors import Unavailable
from infra.hooks import MOST_ANSWER_BYTES
from producers.moderation import Allowed, Moderator, Refused
from producers.settings import ModerationSettings
from tests.support.builders import a_prompt


async def in_two_segments(request: web.Request, first: bytes, second: bytes) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(first)
    await asyncio.sleep(0.05)  # the reader has the first by then, or this shows nothing
    await response.write(second)
    return response


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def judge(request: web.Request) -> web.StreamResponse:
        said = (await request.json())["messages"][-1]["content"]
        if said == "elsewhere":
            raise web.HTTPFound("http://127.0.0.1:1/")
        if said == "broken":
            return web.Response(status=500)
        if said == "no JSON":
            return web.Response(text="<html>")
        if said == "too long":
            return web.json_response({"allowed": True, "reason": "x" * MOST_ANSWER_BYTES})
        if said == "in two segments":
            return await in_two_segments(request, b'{"allowed": false, "rea', b'son": "no mills"}')
        return web.json_response({"allowed": said != "a mill", "reason": "no mills", "score": 0.9})

    app = web.Application()
    app.router.add_post("/judge", judge)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/judge"
    await runner.cleanup()


async def test_an_endpoint_judges_and_is_not_followed_elsewhere(url: str) -> None:
    moderator = Moderator(ModerationSettings(prompts=url))

    assert await moderator.judge_prompt(a_prompt("a lake")) == Allowed()
    assert await moderator.judge_prompt(a_prompt("a mill")) == Refused("no mills")
    for failing in ("elsewhere", "broken", "no JSON", "too long"):
        with pytest.raises(Unavailable):
            await moderator.judge_prompt(a_prompt(failing))
    await moderator.close()


async def test_a_verdict_that_comes_in_two_segments_is_read_whole(url: str) -> None:
    moderator = Moderator(ModerationSettings(prompts=url, fail_open=True))

    assert await moderator.judge_prompt(a_prompt("in two segments")) == Refused("no mills")
    await moderator.close()


async def test_an_endpoint_that_is_gone_is_a_hook_that_failed() -> None:
    moderator = Moderator(ModerationSettings(prompts="http://127.0.0.1:1/", fail_open=True))

    assert await moderator.judge_prompt(a_prompt()) == Allowed()
    await moderator.close()
