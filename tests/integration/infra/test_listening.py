"""Where a process listens: a port, a socket file; and what is said where that is no good idea, or cannot be."""

import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from infra.errors import WrongSetting
from infra.listening import is_public, listen


@pytest.fixture
async def runner() -> AsyncIterator[web.AppRunner]:
    app = web.Application()
    app.router.add_get("/", _hello)
    made = web.AppRunner(app)
    await made.setup()
    yield made
    await made.cleanup()


async def _hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


async def test_a_socket_file_is_listened_at(runner: web.AppRunner) -> None:
    # Not pytest's folder: the path of a socket has little room.
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "gateway.sock")
        url = await listen(runner, f"unix:{path}", 0, named="HOST")
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as http, http.get("http://x/") as told:
            assert await told.text() == "hello"
        await runner.cleanup()

    assert url == f"http+unix:{path}"


async def test_a_port_that_is_taken_is_told_by_the_setting(runner: web.AppRunner) -> None:
    url = await listen(runner, "127.0.0.1", 0, named="HEADRACE_X")

    with pytest.raises(WrongSetting, match="HEADRACE_X is taken"):
        await listen(runner, "127.0.0.1", int(url.rpartition(":")[2]), named="HEADRACE_X")


async def test_an_address_that_is_not_ours_is_told_by_the_setting(runner: web.AppRunner) -> None:
    with pytest.raises(WrongSetting, match="HEADRACE_X: nothing can listen there"):
        await listen(runner, "203.0.113.7", 0, named="HEADRACE_X")


async def test_listening_to_all_the_world_in_the_clear_is_said_in_the_log(
    runner: web.AppRunner, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await listen(runner, "127.0.0.1", 0, named="HEADRACE_X")
        assert caplog.text == ""
        await listen(runner, "0.0.0.0", 0, named="HEADRACE_X")

    assert "HEADRACE_X: other machines can reach this and nothing is encrypted" in caplog.text


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("127.0.0.1", False), ("127.8.8.8", False), ("::1", False), ("[::1]", False), ("localhost", False),
        ("unix:/run/gateway.sock", False), ("0.0.0.0", True), ("::", True), ("10.0.0.1", True), ("gateway", True),
    ],
)  # fmt: skip
def test_only_loopback_and_socket_files_are_out_of_reach(host: str, public: bool) -> None:
    assert is_public(host) is public
