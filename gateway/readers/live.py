"""The one subscription of this process: it feeds every reader of a job's token stream.

A reader gets the entries of its job in order and without gaps: what is announced comes by pub/sub; what was missed (at
the start, after a broken connection, by a slow reader) is read from the job's stream by sequence number.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.readers.listeners import Listener, Reader, Waiter
from infra import redis
from infra.settings import RedisSettings
from producers.jobs import live
from producers.state.scripts import Scripts

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
RECONNECT_S = 0.25
Joining = TypeVar("Joining", bound=Listener)
_BROKEN = (RedisConnectionError, RedisTimeoutError, OSError)


class Live:
    """Keeps the subscription; `run` is its life, from a task of the app's."""

    def __init__(self, settings: RedisSettings, scripts: Scripts) -> None:
        self._settings = settings
        self._scripts = scripts
        self._readers: dict[bytes, set[Listener]] = {}
        self._connection: AbstractConnection | None = None

    def reading(self, job_id: str, after: int = 0, *, fresh: bool = False) -> AbstractAsyncContextManager[Reader]:
        """A reader of the job's entries with greater numbers than `after`."""
        channel = live.channel(self._scripts.prefix, job_id)
        return self._joined(channel.encode(), Reader(self._scripts, job_id, after, fresh=fresh))

    def waiting(self, job_id: str, *, fresh: bool = False) -> AbstractAsyncContextManager[Waiter]:
        """Somebody who waits for the job's end: what is told before does not even come here."""
        channel = live.channel_of_end(self._scripts.prefix, job_id)
        return self._joined(channel.encode(), Waiter(job_id, fresh=fresh))

    @asynccontextmanager
    async def _joined(self, channel: bytes, reader: Joining) -> AsyncIterator[Joining]:
        is_first = channel not in self._readers
        others = self._readers.setdefault(channel, set())
        others.add(reader)
        try:
            if is_first:
                await self._say("SUBSCRIBE", channel)
            yield reader
        finally:
            others.discard(reader)
            if not others and self._readers.get(channel) is others:
                del self._readers[channel]
                await self._say("UNSUBSCRIBE", channel)

    def jobs_read(self) -> list[str]:
        """The jobs that have a reader here."""
        return [reader.job_id for readers in self._readers.values() for reader in list(readers)[:1]]

    def nudge(self) -> None:
        """End the wait of every reader early."""
        for readers in self._readers.values():
            for reader in readers:
                reader.nudge()

    def cut_off(self) -> None:
        """End all reading."""
        for readers in self._readers.values():
            for reader in readers:
                reader.cut_off()

    async def run(self) -> None:
        """Listen until cancelled; a broken connection is made anew, and its readers look up what they missed."""
        client = redis.listener(self._settings)
        try:
            while True:
                try:
                    await self._listen(client.connection_pool.make_connection())  # type: ignore[no-untyped-call]
                except _BROKEN as error:
                    log.warning("the live channel broke: %s; connecting again", error)
                except Exception:
                    log.exception("the live channel failed; connecting again")
                await asyncio.sleep(RECONNECT_S)
        finally:
            await client.aclose()

    async def _listen(self, connection: AbstractConnection) -> None:
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            # One channel of our own keeps the connection a subscriber's while nobody reads.
            own = f"{self._scripts.prefix}live".encode()
            # From here on who joins subscribes for itself: with many readers the next line waits for the socket.
            self._connection = connection
            await connection.send_command("SUBSCRIBE", own, *self._readers, check_health=False)
            while True:
                self._take(await _heard(connection))
        finally:
            self._connection = None
            await connection.disconnect(nowait=True)

    def _take(self, said: Any) -> None:
        kind = said[0]
        readers = self._readers.get(said[1])
        if not readers:
            return
        if kind == b"message":
            entry = live.parse(said[2])
            for reader in readers:
                reader.announce(entry)
        elif kind == b"subscribe":
            for reader in readers:
                reader.confirm()

    async def _say(self, command: str, channel: bytes) -> None:
        if self._connection is None:
            return  # whoever connects subscribes for all readers
        try:
            await self._connection.send_command(command, channel, check_health=False)
        except _BROKEN:
            log.debug("the live channel is broken; it will be made anew")


async def _heard(connection: AbstractConnection) -> Any:
    """The next thing said; a silent connection is asked whether it lives."""
    said = await connection.read_response(timeout=HEARTBEAT_S)
    if said is None:
        await connection.send_command("PING", check_health=False)
        said = await connection.read_response(timeout=HEARTBEAT_S)
    if said is None:
        raise RedisConnectionError(f"nothing was heard for {2 * HEARTBEAT_S:g} s")
    return said


LIVE = web.AppKey("live", Live)
