"""HTTP by hand over a bare socket: what is really on the wire, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.gateway import RunningGateway

PATIENCE_S = 45.0


@dataclass(frozen=True)
class Head:
    """The head of a response; names of headers in lower case, of a repeated one the last."""

    status: int
    headers: Mapping[str, str]


class Line:
    """One connection: bytes out, a response in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, api_key: str) -> None:
        self._reader = reader
        self._writer = writer
        self._api_key = api_key

    def say(self, request: bytes) -> None:
        """Bytes as they are; `{key}` in them is the API key."""
        self._writer.write(request.replace(b"{key}", self._api_key.encode()))

    def get(self, path: str, *more: str, version: str = "1.1") -> None:
        """A request without a body."""
        lines = [f"GET {path} HTTP/{version}", "Host: gateway", "Authorization: Bearer {key}", *more]
        self.say("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def head(self) -> Head:
        """The head of the next response."""
        async with asyncio.timeout(PATIENCE_S):
            status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        pairs = (each.partition(":") for each in lines)
        return Head(int(status.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs})

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body; empty at its end."""
        async with asyncio.timeout(PATIENCE_S):
            size = int((await self._reader.readuntil(b"\r\n")).strip(), 16)
            return (await self._reader.readexactly(size + 2))[:-2]

    async def body(self, head: Head) -> bytes:
        """All of a body, however it is framed."""
        if "content-length" in head.headers:
            async with asyncio.timeout(PATIENCE_S):
                return await self._reader.readexactly(int(head.headers["content-length"]))
        if head.headers.get("transfer-encoding") != "chunked":
            async with asyncio.timeout(PATIENCE_S):
                return await self._reader.read()
        told = b""
        while chunk := await self.chunk():
            told += chunk
        return told

    async def until(self, end: bytes) -> bytes:
        """Of a chunked body so much that it ends so."""
        told = b""
        while not told.endswith(end):
            chunk = await self.chunk()
            assert chunk, f"the body ended before {end!r}: {told!r}"
            told += chunk
        return told


@asynccontextmanager
async def a_line(gateway: RunningGateway) -> AsyncIterator[Line]:
    """A fresh connection to a gateway."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer, gateway.key.api_key)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass
