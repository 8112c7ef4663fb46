"""`headrace up` waits until prompts would be taken, and says what it waits for."""

import io
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from rich.console import Console

from infra.local.stack.progress import StartUp
from infra.local.stack.whole import first_model, until_whole


@pytest.fixture
async def rebuilding() -> AsyncIterator[BaseTestServer]:
    """A gateway whose view is read partition by partition, at each look two more."""
    looks = iter(range(0, 9, 2))

    async def readyz(_: web.Request) -> web.Response:
        whole = next(looks)
        status, ready = (200, "ready") if whole == 8 else (503, "not_ready")
        parts = {"kafka": True, "view": whole == 8}
        return web.json_response(
            {"status": ready, "parts": parts, "view": {"whole": whole, "partitions": 8}}, status=status
        )

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    async with TestServer(app) as server:
        yield server


async def test_it_waits_until_the_view_is_whole_and_shows_how_far_it_is(rebuilding: BaseTestServer) -> None:
    said = io.StringIO()
    with StartUp(Console(file=said)) as shown:
        await until_whole(str(rebuilding.make_url("/")).rstrip("/"), shown)

    lines = [" ".join(each.split()[3:]) for each in said.getvalue().splitlines()]
    assert lines == [
        "waiting for view",
        "waiting for view 25%",
        "waiting for view 50%",
        "waiting for view 75%",
        "ready",
    ]


async def test_a_key_that_is_still_on_its_way_and_a_gateway_that_hangs_up_are_waited_for() -> None:
    looks = iter(["hang up", "unknown", "no model", "there"])
    keys: list[str] = []

    async def models(request: web.Request) -> web.Response:
        keys.append(request.headers["Authorization"])
        match next(looks):
            case "hang up":
                assert request.transport is not None
                request.transport.close()
            case "unknown":
                return web.json_response({"error": {"message": "who?"}}, status=401)
            case "there":
                return web.json_response({"data": [{"id": "tiny"}]})
            case _:
                pass
        return web.json_response({"data": []})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    async with TestServer(app) as server:
        found = await first_model(str(server.make_url("/")).rstrip("/"), "sk-1")

    assert found == "tiny"
    assert keys == ["Bearer sk-1"] * 4
