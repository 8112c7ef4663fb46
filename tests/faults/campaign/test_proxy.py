"""The proxy passes on what it is given, and each kind of bad weather is what it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.campaign.proxy import FINE, Proxy, Weather, a_proxy
from tests.support.eventually import eventually

PATIENCE_S = 30.0


@asynccontextmanager
async def an_echo() -> AsyncIterator[int]:
    """A server that says again what it is told, and says `bye` when it is told no more; its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(1024):
                writer.write(chunk)
                await writer.drain()
            writer.write(b"bye")
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with an_echo() as port, a_proxy(port) as running:
        yield running


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client, whose connection has already carried a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(b"hello")
        assert await said(reader, 5) == b"hello"
        yield reader, writer
    finally:
        writer.close()


async def said(reader: asyncio.StreamReader, count: int) -> bytes:
    return await asyncio.wait_for(reader.readexactly(count), PATIENCE_S)


async def test_in_fine_weather_all_passes_and_an_end_is_an_end(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        much = bytes(range(256)) * 4096
        writer.write(much)
        assert await said(reader, len(much)) == much

        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b"bye"
    await eventually(lambda: proxy.links == 0, what="the end of the connection")


async def test_a_reset_ends_what_there_is_and_lets_new_ones_in(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, _):
        assert proxy.reset() == 1

        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), PATIENCE_S)

    async with connected(proxy):
        pass


async def test_what_falls_into_a_black_hole_comes_out_when_it_closes(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        proxy.turn(Weather(is_hole=True))
        writer.write(b"held back")
        nothing = asyncio.create_task(reader.readexactly(9))
        beside = await asyncio.open_connection("127.0.0.1", proxy.port)
        beside[1].write(b"also")

        done, _ = await asyncio.wait({nothing}, timeout=0.2)
        assert not done

        proxy.turn(FINE)
        assert await asyncio.wait_for(nothing, PATIENCE_S) == b"held back"
        assert await said(beside[0], 4) == b"also"
        beside[1].close()


async def test_a_delay_holds_every_word_back_for_so_long(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        proxy.turn(Weather(delay_s=0.2))
        clock = asyncio.get_running_loop().time
        start_s = clock()

        writer.write(b"late")
        assert await said(reader, 4) == b"late"

        assert clock() - start_s >= 0.4, "there and back"


async def test_a_drip_lets_a_few_bytes_pass_at_a_time(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        proxy.turn(Weather(drip_bytes=2))

        writer.write(b"drop by drop")

        first = await asyncio.wait_for(reader.read(1024), PATIENCE_S)
        assert len(first) < len(b"drop by drop")
        assert first + await said(reader, 12 - len(first)) == b"drop by drop"


async def test_a_half_closed_connection_still_carries_what_the_part_says(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, _):
        assert proxy.half_close() == 1

        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b"bye"


async def test_who_is_refused_is_reset_at_once(proxy: Proxy) -> None:
    proxy.turn(Weather(refuses=True))

    with pytest.raises(ConnectionResetError):
        async with connected(proxy) as (reader, _):
            await reader.read()


async def test_a_part_that_is_not_there_is_a_reset(proxy: Proxy) -> None:
    async with an_echo() as port, a_proxy(port) as before:
        before.target_port = 1
        reader, writer = await asyncio.open_connection("127.0.0.1", before.port)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
