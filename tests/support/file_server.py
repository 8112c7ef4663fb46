"""A file server on loopback that cuts, stalls, lies and refuses to order."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.eventually import eventually

Mood = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@dataclass
class FileServer:
    """Serves `files` by path; each request takes the next of the `moods`, and an honest answer where none is left."""

    files: dict[str, bytes]
    url: str = ""
    types: dict[str, str] = field(default_factory=dict)
    moods: list[Mood] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)

    @property
    def ranges(self) -> list[str | None]:
        """The range of each request so far."""
        return [each for _, each in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked.append((request.path, request.headers.get("Range")))
        self.asked_at.append(time.monotonic())
        mood = self.moods.pop(0) if self.moods else honest
        response = await mood(request, self.files.get(request.path, b""))
        if not response.prepared:
            response.content_type = self.types.get(request.path, response.content_type)
        return response


@asynccontextmanager
async def a_file_server(files: dict[str, bytes]) -> AsyncIterator[FileServer]:
    """A running one."""
    server = FileServer(files)
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    async with TestServer(app, handler_cancellation=True) as running:
        server.url = str(running.make_url("")).rstrip("/")
        yield server


async def honest(request: web.Request, content: bytes) -> web.StreamResponse:
    """What was asked for."""
    if not content:
        return web.Response(status=404)
    start = start_of(request)
    if start >= len(content):
        return web.Response(status=416)
    if not start:
        return web.Response(body=content)
    return partial(content, start)


async def without_ranges(request: web.Request, content: bytes) -> web.StreamResponse:
    """All of it, whatever range was asked for."""
    return web.Response(body=content)


async def another_range(request: web.Request, content: bytes) -> web.StreamResponse:
    """A part that begins before the one asked for."""
    return partial(content, start_of(request) // 2)


async def damaged(request: web.Request, content: bytes) -> web.StreamResponse:
    """As many bytes, but others."""
    return web.Response(body=content[::-1][start_of(request) :], status=206 if start_of(request) else 200)


async def endless(request: web.Request, content: bytes) -> web.StreamResponse:
    """Without a size and without an end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(content)


async def boastful(request: web.Request, content: bytes) -> web.StreamResponse:
    """A size that no disk has room for."""
    response = web.StreamResponse(headers={"Content-Length": str(10**18)})
    await response.prepare(request)
    await response.write(content)
    return response


async def web_page(request: web.Request, content: bytes) -> web.StreamResponse:
    """What a network answers that wants a sign-in first."""
    return web.Response(text="<html>Welcome to our hotel</html>", content_type="text/html")


def cut(at_bytes: int) -> Mood:
    """Hang up after so many bytes of the file."""

    async def mood(request: web.Request, content: bytes) -> web.StreamResponse:
        response = await begun(request, content, at_bytes)
        assert request.transport is not None
        request.transport.abort()
        return response

    return mood


def stall(at_bytes: int) -> Mood:
    """Say nothing more after so many bytes of the file."""

    async def mood(request: web.Request, content: bytes) -> web.StreamResponse:
        response = await begun(request, content, at_bytes)
        # Until the client hangs up: aiohttp ends this then.
        await asyncio.sleep(60)
        return response

    return mood


def refuse(status: int, **headers: str) -> Mood:
    """Answer with a status."""

    async def mood(request: web.Request, content: bytes) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return mood


async def begun(request: web.Request, content: bytes, end: int) -> web.StreamResponse:
    """An answer that promises all of the rest and sends it up to `end`."""
    start = start_of(request)
    headers = {"Content-Length": str(len(content) - start), "Content-Range": content_range(content, start)}
    response = web.StreamResponse(status=206 if start else 200, headers=headers)
    await response.prepare(request)
    await response.write(content[start:end])
    # What has not left this process yet would go with the connection.
    await eventually(lambda: request.transport is None or not request.transport.get_write_buffer_size())
    return response


def partial(content: bytes, start: int) -> web.Response:
    """The file from there on."""
    return web.Response(status=206, body=content[start:], headers={"Content-Range": content_range(content, start)})


def content_range(content: bytes, start: int) -> str:
    """The header that says which part is sent."""
    return f"bytes {start}-{len(content) - 1}/{len(content)}"


def start_of(request: web.Request) -> int:
    """Where the range begins that was asked for."""
    return int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
