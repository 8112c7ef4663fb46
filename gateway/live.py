"""The one subscription of this process: it feeds every reader of a job's token stream.

A reader gets the entries of its job in order and without gaps: what is announced comes by pub/sub; what was missed (at
the start, after a broken connection, by a slow reader) is read from the job's stream by sequence number.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from infra import redis
from infra.errors import Unavailable
from infra.settings import RedisSettings
from producers.jobs import live
from producers.jobs.live import Entry
from producers.jobs.scripts import Scripts

log = logging.getLogger(__name__)

MOST_WAITING = 512
"""Entries held for a slow reader; beyond these it reads from the stream again."""
HEARTBEAT_S = 10.0
RECONNECT_S = 0.25
_BROKEN = (RedisConnectionError, RedisTimeoutError, OSError)


class Stopping(Unavailable):
    """This gateway ends; the job that was read goes on, and so may its reader, at another gateway."""

    def __init__(self) -> None:
        super().__init__("gateway", "This gateway is being stopped; the job itself goes on.")


class Reader:
    """One reader of one job's stream; `last` is the number of the last entry it has got.

    `fresh` says that the job's prompt is not in the log yet, so that nothing can have been missed so far.
    """

    def __init__(self, scripts: Scripts, job_id: str, after: int, *, fresh: bool = False) -> None:
        self.job_id = job_id
        self.last = after
        self._scripts = scripts
        self._arrived: deque[Entry] = deque()
        self._fresh = fresh
        self._stale = not fresh
        self._nudged = False
        self._cut_off = False
        self._wake = asyncio.Event()

    def announce(self, entry: Entry) -> None:
        """Take an entry that was announced."""
        if len(self._arrived) >= MOST_WAITING:
            self._arrived.clear()
            self._stale = True
        elif not self._stale:
            self._arrived.append(entry)
        self._wake.set()

    def confirm(self) -> None:
        """From now on everything is announced; what was said before may have been missed."""
        self._stale = self._stale or not self._fresh
        self._fresh = False
        self._wake.set()

    def begun(self) -> None:
        """The prompt is in the log: a subscription confirmed later may have missed something."""
        self._fresh = False

    def nudge(self) -> None:
        """End a wait early: there may be another reason to stop reading."""
        self._nudged = True
        self._wake.set()

    def cut_off(self) -> None:
        """End reading: whoever waits is told so."""
        self._cut_off = True
        self._wake.set()

    async def more(self, within_s: float) -> list[Entry]:
        """The next entries, in order; none if none came in time.

        Raises:
            Unavailable: Redis does not answer.
            Stopping: reading has ended.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while self._reads() and not (entries := await self._next()) and not self._nudged:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()
            except TimeoutError:
                self._stale = True  # an announcement may have been lost: look
                entries = await self._next()
                break
        self._nudged = False
        return entries

    def _reads(self) -> bool:
        if self._cut_off:
            raise Stopping
        return True

    async def _next(self) -> list[Entry]:
        self._wake.clear()
        entries = [entry for entry in self._arrived if entry.seq > self.last]
        self._arrived.clear()
        if self._stale or (entries and entries[0].seq != self.last + 1):
            # Announcements that come while we look are kept, and passed over if the stream gave them already.
            self._stale = False
            entries = await self._looked_up() or entries
        if entries and self.last and entries[0].seq != self.last + 1:
            # The stream began anew (Redis had lost it): what follows is not a continuation.
            entries.insert(0, Entry(entries[0].seq - 1, "snapshot", ""))
        if entries:
            self.last = entries[-1].seq
        return entries

    async def _looked_up(self) -> list[Entry]:
        try:
            return await live.entries_after(self._scripts, self.job_id, self.last)
        except Unavailable:
            self._stale = True
            raise


class Live:
    """Keeps the subscription; `run` is its life, from a task of the app's."""

    def __init__(self, settings: RedisSettings, scripts: Scripts) -> None:
        self._settings = settings
        self._scripts = scripts
        self._readers: dict[bytes, set[Reader]] = {}
        self._connection: AbstractConnection | None = None

    @asynccontextmanager
    async def reading(self, job_id: str, after: int = 0, *, fresh: bool = False) -> AsyncIterator[Reader]:
        """A reader of the job's entries with greater numbers than `after`."""
        channel = live.channel(self._scripts.prefix, job_id).encode()
        reader = Reader(self._scripts, job_id, after, fresh=fresh)
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
