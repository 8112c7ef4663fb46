"""The table `job_events`: what happened to each job before its end, and how its end was told."""

from typing import Any, NamedTuple

from analytics.rows.cells import MAX_UINT16, TimedPlace, instant, whole
from producers.events import DeliveryAttempted, FirstTokenProduced, JobClaimed, JobEvent, RetryScheduled


class JobEventRow(NamedTuple):
    """A step of a job, or an attempt at a delivery; what a type does not tell is empty."""

    topic: str
    partition: int
    offset: int
    type: str
    job_id: str
    tenant: str
    lane: str = ""
    attempt: int = 0
    tries: int = 0
    worker: str = ""
    reason: str = ""
    after_s: float = 0.0
    webhook_id: str = ""
    url: str = ""
    status: int = 0
    outcome: str = ""
    error: str = ""
    duration_ms: float = 0.0
    next_attempt_at: int | None = None
    at: int = 0


def job_event_row(event: JobEvent, origin: TimedPlace) -> JobEventRow:
    """The row of a step."""
    told: dict[str, Any]
    match event:
        case JobClaimed() | FirstTokenProduced():
            told = {"lane": event.lane, "worker": event.worker}
        case RetryScheduled():
            told = {"tries": whole(event.tries), "reason": event.reason, "after_s": event.after_s}
        case DeliveryAttempted():
            told = {
                "webhook_id": event.webhook_id,
                "url": event.url,
                "status": whole(event.status or 0, MAX_UINT16),
                "outcome": event.outcome,
                "error": event.error or "",
                "duration_ms": event.duration_ms,
                "next_attempt_at": None if event.next_attempt_ms is None else instant(event.next_attempt_ms),
            }
    return JobEventRow(
        *origin[:3],
        type=type(event).__name__,
        job_id=event.job_id,
        tenant=event.tenant,
        attempt=whole(event.attempt),
        at=instant(event.at_ms or origin.timestamp_ms),
        **told,
    )
