"""What is asked of a job once it is there: find it, cancel it, wait for its end."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from gateway.http.problems import Stopping, gone, once_held
from gateway.no_job import NoLongerKept, Unknown
from gateway.readers.listeners import Listener, Reader
from infra.clock import Clock
from infra.errors import Unavailable
from infra.ids import is_id, made_ms
from producers.events import Terminal, status_of
from producers.jobs import early, record, waiting
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord
from producers.jobs.waiting import Place
from producers.log import codec
from producers.state import view
from producers.state.retention import Retention
from producers.state.scripts import Scripts

PATIENCE_S = 20.0
"""How long Redis may be silent before a reader is sent away; clients give a stream up after 45 s without a ping."""
LOOK_EVERY_S = 15.0
"""Silence after which who waits for a job's end looks at the job itself."""


class JobDesk:
    """Where all resources of a job ask for it."""

    def __init__(self, scripts: Scripts, intake: Intake, endings: Endings, clock: Clock, retention: Retention) -> None:
        self._scripts = scripts
        self._intake = intake
        self._endings = endings
        self._clock = clock
        self._retention = retention
        self._looks: dict[str, asyncio.Task[JobRecord | None]] = {}

    async def find(self, job_id: str, tenant: str) -> JobRecord | Unknown | NoLongerKept:
        """The job of that id, if it is the tenant's.

        Raises:
            Unavailable: Redis does not answer, or we cannot know yet.
        """
        found = await record.read(self._scripts, job_id)
        if found is None:
            await view.must_be_whole(self._scripts)
            if is_id("job", job_id) and made_ms(job_id) < self._clock.now_ms() - self._retention.job_ms:
                # Whose it was nobody knows any more: this says no more than that the id is an old one.
                return NoLongerKept()
        if found is None or found.prompt.tenant != tenant:
            return Unknown(job_id)
        return found

    async def place_of(self, job: JobRecord) -> Place | None:
        """Where a queued job stands in its lane.

        Raises:
            Unavailable: Redis does not answer.
        """
        return (await self.places_of([job])).get(job.job_id)

    async def places_of(self, jobs: Sequence[JobRecord]) -> dict[str, Place | None]:
        """Where those of these jobs stand that are queued, by their ids, in one round trip at most.

        Raises:
            Unavailable: Redis does not answer.
        """
        queued = [(each.job_id, each.prompt.lane) for each in jobs if each.state == "queued"]
        found = await waiting.places_of(self._scripts, queued)
        return {job_id: place for (job_id, _), place in zip(queued, found, strict=True)}

    async def cancel(self, job: JobRecord) -> JobRecord:
        """End a job that has not started, or ask the worker that runs it to stop; the job as it then stands.

        Raises:
            Unavailable: the broker or Redis did not answer.
        """
        ending = early.cancelled(job, self._clock.now_ms())
        stopped = await self._intake.stop(job.job_id, ending, running_too=True)
        if stopped.found == "finishing":
            await self.end(ending)
        if stopped.found == "running":
            return replace(job, state="running", cancelling=True)
        return await record.read(self._scripts, job.job_id) or job

    async def cancel_unwanted(self, job_id: str) -> None:
        """Cancel a job that nobody waits for any more, unless it has ended.

        Raises:
            Unavailable: the broker or Redis did not answer.
        """
        job = await record.read(self._scripts, job_id)
        if job is not None and not job.ended:
            await self.cancel(job)

    async def end(self, ending: Terminal) -> JobRecord:
        """Steps 7 and 7b of a job that no worker ends: it is ended in the log and for all to see when this returns.

        Raises:
            Unavailable: the broker or Redis did not answer.
        """
        told = await self._endings.publish(ending)
        try:
            await self._endings.settle(told)
        except Unavailable as error:
            raise once_held(error, ending.prompt) from error
        return ended_by(told.ending)

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
            return entries, replace(ended_by(ending), seq=entries[-1].seq)
        if isinstance(reader, Reader) and not entries:
            if not await self._has_ended(reader):
                return [], None
            entries = await reader.more(0.0)
        job = await (self._ended(reader.job_id) if entries else record.read(self._scripts, reader.job_id))
        if job is None and (entries or isinstance(reader, Reader)):
            await view.must_be_whole(self._scripts)
            raise gone("The job was deleted.")
        return entries, job if job is not None and job.ended else None

    async def _has_ended(self, reader: Reader) -> bool:
        """Whether a silent stream's job has. What was announced may be lost, its end too: the job itself knows."""
        ended, seq = await record.stands(self._scripts, reader.job_id)
        if seq > reader.last:
            reader.go_back(reader.last)
        return ended

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


def ended_by(ending: Terminal) -> JobRecord:
    """The record of a job that never ran and has just been ended."""
    state, times = status_of(ending), ending.timeline
    return JobRecord(ending.job_id, state, ending.prompt, ending, ending.attempt, cancelling=False, times=times)


JOB_DESK = web.AppKey("job_desk", JobDesk)
