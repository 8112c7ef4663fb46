"""HTTP as bytes on a socket, for what no well-behaved client would send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Raw:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, said: bytes) -> None:
        """Write these bytes."""
        self.writer.write(said)
        await self.writer.drain()

    async def trickle(self, said: bytes, every_s: float) -> None:
        """Write them one by one, until all are written or the other side hangs up."""
        try:
            for each in said:
                await self.send(bytes((each,)))
                await asyncio.sleep(every_s)
        except ConnectionError:
            return

    async def told_while_trickling(self, said: bytes, every_s: float) -> bytes:
        """What comes back meanwhile, until the other side closes."""
        trickling = asyncio.create_task(self.trickle(said, every_s))
        try:
            return await self.rest()
        finally:
            trickling.cancel()
            await asyncio.wait([trickling])

    async def rest(self, within_s: float = 45.0) -> bytes:
        """All that comes until the other side closes."""
        async with asyncio.timeout(within_s):
            return await self.reader.read()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Raw]:
    """A connection to that address."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


async def exchanged(url: str, said: bytes, within_s: float = 45.0) -> list[tuple[int, bytes]]:
    """What comes back until the connection ends: status and body of every response."""
    async with connected(url) as raw:
        await raw.send(said)
        return responses(await raw.rest(within_s))


def responses(came: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each response in a row, by their Content-Length."""
    found = []
    while came:
        head, _, rest = came.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        told = [each.partition(b":")[2] for each in lines if each.lower().startswith(b"content-length:")]
        length = int(told[0]) if told else 0
        found.append((int(lines[0].split()[1]), rest[:length]))
        came = rest[length:]
    return found
