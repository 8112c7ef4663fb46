"""A TCP proxy before a part, with bad weather to order: resets, black holes, delays, drips, half-closed connections."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_CHUNK_BYTES = 64 * 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: a close is then a reset."""


@dataclass(frozen=True)
class Weather:
    """What becomes of the bytes: nothing passes a black hole, a drip lets so many pass each tenth of a second."""

    is_hole: bool = False
    delay_s: float = 0.0
    drip_bytes: int = 0
    refuses: bool = False


FINE = Weather()
DRIP_EVERY_S = 0.1


@dataclass(eq=False)
class Link:
    """One client's connection, and ours to the part."""

    client: asyncio.StreamWriter
    part: asyncio.StreamWriter | None = None

    def reset(self) -> None:
        """End both sides as a machine that lost power does: by a reset, without a word."""
        for each in (self.client, self.part):
            if each is not None:
                _reset(each)

    def half_close(self) -> None:
        """Tell the part that the client says no more; what the part says still arrives."""
        if self.part is not None and self.part.can_write_eof() and not self.part.is_closing():
            with suppress(OSError):
                self.part.write_eof()


@dataclass(eq=False)
class Proxy:
    """Listens at `port`, and passes on to `target_port` what its weather lets through."""

    port: int
    target_port: int
    weather: Weather = FINE
    _links: set[Link] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def links(self) -> int:
        """How many connections there are."""
        return len(self._links)

    def turn(self, weather: Weather) -> None:
        """Have this weather from now on; what a hole held back goes on its way when it closes."""
        self.weather = weather
        self._changed.set()
        self._changed = asyncio.Event()

    def reset(self) -> int:
        """Reset every connection that there is; how many there were."""
        links = list(self._links)
        for each in links:
            each.reset()
        return len(links)

    def half_close(self) -> int:
        """Half-close every connection that there is; how many there were."""
        links = list(self._links)
        for each in links:
            each.half_close()
        return len(links)

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and end what there is."""
        assert self._server is not None, "the proxy does not run"
        self._server.close()
        self.reset()
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = Link(writer)
        self._links.add(link)
        try:
            await self._join(link, reader)
        except OSError:
            link.reset()
        except asyncio.CancelledError:
            link.reset()
        finally:
            self._links.discard(link)
            self._tasks.discard(task)
            for each in (link.client, link.part):
                if each is not None:
                    each.close()

    async def _join(self, link: Link, from_client: asyncio.StreamReader) -> None:
        if self.weather.refuses:
            link.reset()
            return
        await self._out_of_the_hole()
        from_part, link.part = await asyncio.open_connection("127.0.0.1", self.target_port)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pass_on(link, from_client, link.part))
            both.create_task(self._pass_on(link, from_part, link.client))

    async def _pass_on(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._through_the_weather(chunk, writer)
            await self._out_of_the_hole()
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()
        except OSError:
            link.reset()

    async def _through_the_weather(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        rest = memoryview(chunk)
        while rest:
            await self._out_of_the_hole()
            weather = self.weather
            if weather.delay_s:
                await asyncio.sleep(weather.delay_s)
            step = weather.drip_bytes or len(rest)
            writer.write(bytes(rest[:step]))
            await writer.drain()
            rest = rest[step:]
            if weather.drip_bytes and rest:
                await asyncio.sleep(DRIP_EVERY_S)

    async def _out_of_the_hole(self) -> None:
        while self.weather.is_hole:
            await self._changed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    plug: socket.socket | None = writer.get_extra_info("socket")
    if plug is not None and not writer.is_closing():
        with suppress(OSError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport = writer.transport
    transport.abort()


@asynccontextmanager
async def a_proxy(target_port: int, port: int = 0) -> AsyncIterator[Proxy]:
    """A proxy in fine weather before what listens at that port."""
    proxy = Proxy(port, target_port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
