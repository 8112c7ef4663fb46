"""What is asked of a job once it is there: find it, cancel it, end it."""

from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from gateway.http.problems import once_held
from gateway.no_job import NoLongerKept, Unknown
from infra.clock import Clock
from infra.errors import Unavailable
from infra.fuse import Fuse
from infra.ids import is_id, made_ms
from producers.events import Terminal
from producers.jobs import early, record, stopping, waiting
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.record import JobRecord, ended_by
from producers.jobs.waiting import Place
from producers.state import view
from producers.state.retention import Retention
from producers.state.scripts import Scripts


class JobDesk:
    """Where all resources of a job ask for it."""

    def __init__(
        self, scripts: Scripts, intake: Intake, endings: Endings, clock: Clock, retention: Retention, fuse: Fuse
    ) -> None:
        self._scripts = scripts
        self._intake = intake
        self._endings = endings
        self._clock = clock
        self._retention = retention
        self._fuse = fuse

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
        stopped, ending = await stopping.stop(
            self._scripts,
            self._intake,
            job,
            lambda found, shown: early.cancelled(found, self._clock.now_ms(), shown),
            running_too=True,
        )
        if stopped.found == "finishing":
            self._fuse.passed("stopped")
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
        self._fuse.passed("ended")
        try:
            await self._endings.settle(told)
        except Unavailable as error:
            raise once_held(error, ending.prompt) from error
        return ended_by(told.ending)


JOB_DESK = web.AppKey("job_desk", JobDesk)
