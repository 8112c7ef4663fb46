"""What is asked of a job once it is there: find it, cancel it, wait for its end."""

import asyncio
from dataclasses import replace

from gateway.live import Reader
from gateway.problems import not_found
from infra.clock import Clock
from producers.events import Terminal, status_of
from producers.jobs import early, record, view
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord
from producers.jobs.scripts import Scripts

LOOK_EVERY_S = 15.0
"""Silence after which who waits for a job's end looks at the job itself."""


class JobDesk:
    """Where all resources of a job ask for it."""

    def __init__(self, scripts: Scripts, intake: Intake, endings: Endings, clock: Clock) -> None:
        self._scripts = scripts
        self._intake = intake
        self._endings = endings
        self._clock = clock

    async def find(self, job_id: str, tenant: str) -> JobRecord:
        """The job of that id, if it is the tenant's.

        Raises:
            Problem: 404 where there is none.
            Unavailable: Redis does not answer, or we cannot know yet.
        """
        found = await record.read(self._scripts, job_id)
        if found is None:
            await view.must_be_whole(self._scripts)
        if found is None or found.prompt.tenant != tenant:
            raise not_found(f"There is no job {job_id[:100]!r}.")
        return found

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
        await self._endings.settle(told)
        return ended_by(told.ending)

    async def heard(self, reader: Reader, within_s: float) -> tuple[list[Entry], JobRecord | None]:
        """What the job's stream says next, none if nothing came in time; and the job, once its end is visible.

        Raises:
            Unavailable: Redis does not answer.
        """
        entries = await reader.more(within_s)
        if entries and entries[-1].kind != "done":
            return entries, None
        # A stream that says nothing may have lost its end (Redis was emptied): the job itself knows.
        job = await record.read(self._scripts, reader.job_id)
        return entries, job if job is not None and job.ended else None

    async def until_ended(self, reader: Reader, within_s: float) -> JobRecord | None:
        """The job once its end is visible; None if that takes longer than `within_s`.

        Raises:
            Unavailable: Redis does not answer.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while (left_s := deadline - loop.time()) > 0:
            _, ended = await self.heard(reader, min(left_s, LOOK_EVERY_S))
            if ended is not None:
                return ended
        return None


def ended_by(ending: Terminal) -> JobRecord:
    """The record of a job that never ran and has just been ended."""
    state, times = status_of(ending), ending.timeline
    return JobRecord(ending.job_id, state, ending.prompt, ending, attempt=0, cancelling=False, times=times)
