"""All that can be found of one job: itself, its timeline, and what the reports tell of its attempts and its answer."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.client.conversations import AsyncReports
from gateway.client.errors import Limited, Refused
from gateway.client.jobs import AsyncJobs
from gateway.client.objects import Job, Report, Timeline
from gateway.client.settings import ClientSettings
from gateway.client.wire import the_way
from infra.clock import Clock
from infra.errors import Unavailable

Row = dict[str, Any]

# Reports are what one can do without: no long patience for them.
_REPORTS_S: Final = 2.0


@dataclass(frozen=True)
class History:
    """A job and what became of it; `events` and `feedback` are None where no report tells them."""

    job: Job
    timeline: Timeline
    events: tuple[Row, ...] | None
    feedback: tuple[Row, ...] | None

    def of_type(self, *types: str) -> tuple[Row, ...]:
        """Its events of these types."""
        return tuple(each for each in self.events or () if each.get("type") in types)


async def history(settings: ClientSettings, clock: Clock, job_id: str) -> History:
    """Ask the gateway for all of it.

    Raises:
        NotFound: there is no such job.
        Unavailable: the gateway does not answer.
    """
    wire = the_way(settings, clock, connections=2)
    hasty = the_way(replace(settings, reach_s=_REPORTS_S, patience_s=_REPORTS_S), clock, connections=2)
    try:
        jobs, reports = AsyncJobs(wire, clock), AsyncReports(hasty)
        job, timeline = await jobs.get(job_id), await jobs.timeline(job_id)
        events = await _rows(reports.get("job_events", job=job_id))
        feedback = await _rows(reports.get("job_feedback", job=job_id)) if events is not None else None
        return History(job, timeline, events, feedback)
    finally:
        await wire.close()
        await hasty.close()


async def _rows(asked: Awaitable[Report]) -> tuple[Row, ...] | None:
    try:
        return (await asked).data
    except (Refused, Limited, Unavailable):
        # A gateway without the reports process, or with an older one.
        return None
