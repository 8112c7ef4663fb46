"""Who reads a job's token stream, or waits for its end; each is told by the one subscription of this process."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress

from gateway.http.problems import Stopping
from infra.errors import Unavailable
from producers.jobs import live
from producers.jobs.live import Entry
from producers.state.scripts import Scripts

MOST_WAITING = 512
"""Entries held for a slow reader; beyond these it reads from the stream again."""


class Listener(ABC):
    """Whoever is told what is announced on one channel of a job; `last` is the number of the last entry it has got."""

    def __init__(self, job_id: str, *, after: int = 0, fresh: bool) -> None:
        self.job_id = job_id
        self.last = after
        self._fresh = fresh
        self._nudged = False
        self._cut_off = False
        self._wake = asyncio.Event()

    @abstractmethod
    def announce(self, entry: Entry) -> None:
        """Take an entry that was announced."""

    @abstractmethod
    def confirm(self) -> None:
        """From now on everything is announced; what was said before may have been missed."""

    def begun(self) -> None:
        """The prompt is in the log: a subscription confirmed later may have missed something."""
        self._fresh = False

    def nudge(self) -> None:
        """End a wait early: there may be another reason to stop reading."""
        self._nudged = True
        self._wake.set()

    def go_back(self, after: int) -> None:
        """Of what came after this entry no use was made: it is looked for again."""
        self.last = after
        self._wake.set()

    def reaches(self, seq: int) -> None:  # noqa: B027 # only who follows a stream minds
        """The job's stream is known to reach to this entry."""

    def cut_off(self) -> None:
        """End reading: whoever waits is told so."""
        self._cut_off = True
        self._wake.set()

    @abstractmethod
    async def more(self, within_s: float) -> list[Entry]:
        """The next entries, in order; none if none came in time.

        Raises:
            Unavailable: Redis does not answer.
            Stopping: reading has ended.
        """

    def _reads(self) -> bool:
        if self._cut_off:
            raise Stopping
        return True


class Waiter(Listener):
    """Who wants nothing but the end: told of that alone, and of each moment at which it may have been missed."""

    def __init__(self, job_id: str, *, fresh: bool = False) -> None:
        super().__init__(job_id, fresh=fresh)
        self._end: Entry | None = None
        if not fresh:
            self._wake.set()

    def announce(self, entry: Entry) -> None:
        """The job has ended."""
        self._end = entry
        self._wake.set()

    def confirm(self) -> None:
        """From now on its end is announced; it may have ended before."""
        if not self._fresh:
            self._wake.set()
        self._fresh = False

    async def more(self, within_s: float) -> list[Entry]:
        """The end as it was announced; no entries, once the job is worth a look for another reason.

        Raises:
            Stopping: reading has ended.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._wake.wait()
        self._wake.clear()
        self._reads()
        end, self._end = self._end, None
        return [] if end is None else [end]


class Reader(Listener):
    """One reader of one job's stream.

    `fresh` says that the job's prompt is not in the log yet, so that nothing can have been missed so far.
    """

    def __init__(self, scripts: Scripts, job_id: str, after: int, *, fresh: bool = False) -> None:
        super().__init__(job_id, after=after, fresh=fresh)
        self._scripts = scripts
        self._arrived: deque[Entry] = deque()
        self._stale = not fresh

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
                break
        self._nudged = False
        return entries

    def go_back(self, after: int) -> None:
        """Read on after this entry, from the stream."""
        super().go_back(after)
        self._stale = True

    def reaches(self, seq: int) -> None:
        """What was not announced of it is read from the stream."""
        if seq > self.last:
            self.go_back(self.last)

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
