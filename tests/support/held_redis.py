"""A way to Redis that comes to a stop before a command of the test's choice: there its user can be killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from infra.settings import RedisSettings

_PATIENCE_S = 60.0
"""Longer than any test: who is held waits, and does not go on without an answer."""


@dataclass
class HeldRedis:
    """Passes on what is said, until somebody says `before`; from then on nothing of what that one says."""

    settings: RedisSettings
    before: bytes
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        at = urlsplit(self.settings.url)
        from_redis, to_redis = await asyncio.open_connection(at.hostname, at.port)
        answering = asyncio.create_task(_copy(from_redis, writer))
        with suppress(ConnectionError):
            while (said := await reader.read(1 << 20)) and self.before not in said:
                to_redis.write(said)
                await to_redis.drain()
            if said:
                self.held.set()
                await reader.read()
        for each in (writer, to_redis):
            each.close()
        await asyncio.wait([answering])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while said := await reader.read(1 << 20):
            writer.write(said)
            await writer.drain()


@asynccontextmanager
async def a_held_redis(redis: RedisSettings, before: bytes) -> AsyncIterator[tuple[RedisSettings, HeldRedis]]:
    """Settings for who is to be held, and when it is."""
    way = HeldRedis(redis, before)
    server = await asyncio.start_server(way.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = urlsplit(redis.url)._replace(netloc=f"127.0.0.1:{port}").geturl()
    try:
        yield replace(redis, url=url, timeout_s=_PATIENCE_S), way
    finally:
        server.close()
        await server.wait_closed()
