"""Going on to read a job: from where its reader stands to the end, one way for every kind of stream."""

import asyncio
import math
from collections.abc import Sequence

from aiohttp import web

from gateway.http import problems
from gateway.http.problems import Problem, Stopping, gone, once_held
from gateway.readers.event_stream import EventStream
from gateway.readers.listeners import Listener, Reader
from gateway.readers.live import Live
from gateway.readers.tale import Broken, Tale
from infra.errors import Unavailable
from producers.events import Terminal
from producers.jobs import live, record
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord, ended_by
from producers.log import codec
from producers.state import view
from producers.state.scripts import Scripts

PATIENCE_S = 20.0
"""How long Redis may be silent before a reader is sent away; clients give a stream up after 45 s without a ping."""
LOOK_EVERY_S = 15.0
"""Silence after which who waits for a job's end looks at the job itself."""


class Following:
    """What becomes of jobs, for all who read them or wait for them at this gateway."""

    def __init__(self, scripts: Scripts, live: Live, stopping: asyncio.Event, ping_every_s: float) -> None:
        self._scripts = scripts
        self._live = live
        self._stopping = stopping
        self._ping_every_s = ping_every_s
        self._looks: dict[str, asyncio.Task[JobRecord | None]] = {}

    async def take_up(
        self, stream: EventStream, tale: Tale, job: JobRecord, after: int | None = None
    ) -> web.StreamResponse:
        """Tell a job to a reader who has all up to the entry of number `after`; 204 where nothing is left to tell.

        Raises:
            Problem: there is no answer and nothing else to tell, or the job was deleted, before anything was sent.
            Unavailable: Redis does not answer, and nothing was sent.
            ConnectionError: the client is gone, or takes nothing.
        """
        if job.ended and after == job.seq:
            return web.Response(status=204)
        entries = await live.entries_after(self._scripts, job.job_id)
        if job.ended:
            return await self.tell(stream, tale, job, entries)
        told = [each for each in entries if each.kind != "done"]  # one that ended just now is heard of
        async with self._live.reading(job.job_id, told[-1].seq if told else 0) as reader:
            return await self.follow(stream, tale, reader, told)

    async def tell(
        self, stream: EventStream, tale: Tale, job: JobRecord, entries: Sequence[Entry] = ()
    ) -> web.StreamResponse:
        """Tell a job that has ended, of whose stream these `entries` are kept; raises as `take_up` does."""
        telling = _Telling(stream, tale)
        try:
            told = await tale.whole(job, entries)
        except Broken as broken:
            return await telling.break_off(broken)
        return await telling.say(told) if told else web.Response(status=204)

    async def follow(
        self, stream: EventStream, tale: Tale, reader: Reader, entries: Sequence[Entry] = ()
    ) -> web.StreamResponse:
        """Tell a job as it goes on behind the `entries` that its stream holds already; raises as `take_up` does."""
        telling = _Telling(stream, tale)
        try:
            await telling.begin(tale.begin(entries))
            while not (tale.parting and self._stopping.is_set()):
                within_s = telling.within_s(self._ping_every_s)
                heard, ended = await self.heard(reader, within_s, ending_only=tale.ending_only)
                if ended is not None:
                    return await telling.say(await tale.end(ended, heard))
                await telling.go_on(tale.more(heard), is_silent=not heard)
        except Broken as broken:
            return await telling.break_off(broken)
        except Unavailable as error:
            return await telling.break_off(Broken(once_held(error, tale.prompt)))
        except Problem as problem:
            return await telling.break_off(Broken(problem))
        return await telling.say(tale.parting)

    async def until_ended(self, reader: Listener, within_s: float, *, ending_only: bool = False) -> JobRecord | None:
        """The job once its end is visible; None if that takes longer than `within_s`. `ending_only` as in `heard`.

        Raises:
            Problem: 410, it has ended and was deleted since.
            Unavailable: Redis does not answer.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while (left_s := deadline - loop.time()) > 0:
            _, ended = await self.heard(reader, min(left_s, LOOK_EVERY_S), ending_only=ending_only)
            if ended is not None:
                return ended
        return None

    async def heard(
        self, reader: Listener, within_s: float, *, ending_only: bool = False
    ) -> tuple[list[Entry], JobRecord | None]:
        """What the job's stream says next, none if nothing came in time; and the job, once its end is visible.

        Where its ending is all that matters of it, it is taken from the announcement, if that has it.

        Raises:
            Problem: 410, it has ended and was deleted since.
            Unavailable: Redis has not answered for some seconds.
            Stopping: reading has ended.
        """
        loop, after = asyncio.get_running_loop(), reader.last
        tries, give_up = 0, math.inf
        while True:
            try:
                return await self._heard(reader, within_s, ending_only=ending_only)
            except Stopping:
                raise
            except Unavailable as error:
                give_up = min(give_up, loop.time() + PATIENCE_S)
                if loop.time() >= give_up:
                    raise
                # Thousands may read here. Sent away for a moment's silence, they would all be back in the next one.
                reader.go_back(after)
                await asyncio.sleep(error.after_s * 2**tries)
                tries += 1

    async def _heard(
        self, reader: Listener, within_s: float, *, ending_only: bool
    ) -> tuple[list[Entry], JobRecord | None]:
        entries = await reader.more(within_s)
        if entries and entries[-1].kind != "done":
            return entries, None
        if ending_only and entries and entries[-1].value:
            ending = codec.decode_as(Terminal, entries[-1].value.encode())
            return entries, ended_by(ending, entries[-1].seq)
        if not entries:
            # What was announced may be lost, its end too: the job itself knows.
            is_over, seq = await record.stands(self._scripts, reader.job_id)
            reader.reaches(seq)
            if not is_over:
                return [], None
            entries = await reader.more(0.0)
        job = await self._ended(reader.job_id)
        if job is None:
            await view.must_be_whole(self._scripts)
            raise gone("The job was deleted.")
        return entries, job if job.ended else None

    async def _ended(self, job_id: str) -> JobRecord | None:
        """A job whose end was told. A thousand readers are told at once: they share one look at it."""
        look = self._looks.get(job_id)
        if look is None:
            look = self._looks[job_id] = asyncio.create_task(record.read(self._scripts, job_id), name="look at a job")
            look.add_done_callback(lambda looked: self._looked(job_id, looked))
        return await asyncio.shield(look)

    def _looked(self, job_id: str, look: asyncio.Task[JobRecord | None]) -> None:
        del self._looks[job_id]
        if not look.cancelled():
            look.exception()  # it may be that everybody who asked has gone


class _Telling:
    """A tale on its way to one reader; its opening goes before whatever is told first."""

    def __init__(self, stream: EventStream, tale: Tale) -> None:
        self._stream = stream
        self._tale = tale
        self._clock = asyncio.get_running_loop().time
        self._opens_at_s = math.inf

    def within_s(self, ping_every_s: float) -> float:
        """How long the reader may hear nothing from now on."""
        return ping_every_s if self._stream.begun else max(0.0, self._opens_at_s - self._clock())

    async def begin(self, told: bytes) -> None:
        """What is there already, or the opening alone, unless that may wait."""
        self._opens_at_s = self._clock() + self._tale.opens_within_s
        if told or not self._tale.opens_within_s:
            await self.say(told)

    async def go_on(self, told: bytes, *, is_silent: bool) -> None:
        """What came; where nothing did, a sign of life."""
        opens = not self._stream.begun and self._clock() >= self._opens_at_s
        if told or is_silent or opens:
            await self.say(told or (self._tale.ping if self._stream.begun else b""))

    async def break_off(self, broken: Broken) -> web.StreamResponse:
        """Tell an error: as the stream tells it where there is one, with a status of its own where there is none."""
        if not (self._stream.begun or broken.told or self._tale.always_opens):
            raise broken.instead from None
        return await self.say(broken.told + self._tale.error(problems.of(broken.instead).error, broken.seq))

    async def say(self, told: bytes) -> web.StreamResponse:
        """Send this."""
        opening = b"" if self._stream.begun else self._tale.opening
        return await self._stream.write(opening + told)


FOLLOWING = web.AppKey("following", Following)
