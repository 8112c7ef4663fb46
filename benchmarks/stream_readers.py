"""Many readers of jobs' events in one process, over bare sockets: each keeps what it gets until somebody checks it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

OPENING = 100
"""Streams that are opened at the same time."""
TRIES = 10


class ComeBack(ConnectionError):
    """The server has no time just now (503)."""


class Reader(asyncio.Protocol):
    """One stream. `opened` is done once its first frame came, `ended` once the server has told all."""

    def __init__(self, request: bytes, heard: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.body = bytearray()
        self._head: bytes | None = None
        self._request = request
        self._heard = heard
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.body += data
        self._heard()
        if self._head is None and (at := self.body.find(b"\r\n\r\n")) >= 0:
            self._head = bytes(self.body[:at])
            del self.body[: at + 4]
            if not self._head.startswith(b"HTTP/1.1 200"):
                kind = ComeBack if self._head.startswith(b"HTTP/1.1 503") else ConnectionError
                self._over(kind(f"{self._head.decode()}\n{self.body.decode(errors='replace')}"))
        if self._head is not None and not self.opened.done() and b"\n\n" in self.body:
            self.opened.set_result(None)
        if self.body.endswith(b"\r\n0\r\n\r\n"):
            self._over(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever is missing will not come."""
        self._over(exc or ConnectionError("the server hung up"))

    def _over(self, error: Exception | None) -> None:
        for each in (self.opened, self.ended):
            if each.done():
                continue
            if error is None:
                each.set_result(None)
            else:
                each.set_exception(error)
                each.exception()  # whoever asks is told; nobody need
        if self._transport is not None:
            self._transport.close()


class Readers:
    """All of them; `heard` says how often anything came, pings too, and `put_off` how often one was to come back."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.all: list[Reader] = []
        self.heard = 0
        self.put_off = 0
        self._port = port
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def open(self, paths: Sequence[str], progress: Callable[[], None]) -> None:
        """A reader for each path; all have their first frame when this returns."""
        left = iter(paths)

        async def some() -> None:
            for path in left:
                await self._open(path)
                progress()

        async with asyncio.TaskGroup() as group:
            for _ in range(OPENING):
                group.create_task(some())

    async def _open(self, path: str) -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{self._headers}\r\n".encode()
        loop = asyncio.get_running_loop()
        for left in reversed(range(TRIES)):
            _, reader = await loop.create_connection(lambda: Reader(request, self._count), "127.0.0.1", self._port)
            try:
                await reader.opened
            except ComeBack:
                if not left:
                    raise
                self.put_off += 1
                await asyncio.sleep(1.0)
            else:
                self.all.append(reader)
                return

    async def ended(self, progress: Callable[[int], None], within_s: float) -> None:
        """Wait until each has ended, or the time is over."""
        deadline_s = asyncio.get_running_loop().time() + within_s
        while (left := sum(not each.ended.done() for each in self.all)) and (
            asyncio.get_running_loop().time() < deadline_s
        ):
            progress(len(self.all) - left)
            await asyncio.sleep(0.1)
        progress(len(self.all) - left)

    def _count(self) -> None:
        self.heard += 1
