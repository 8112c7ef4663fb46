"""What is said on `job.events`: what happens to a job before its end, and how its end was told."""

from typing import Literal

from producers.events.base import Event
from producers.events.prompts import Lane


class JobClaimed(Event, frozen=True, kw_only=True):
    """A worker took a job under a lease."""

    job_id: str
    tenant: str
    lane: Lane
    attempt: int
    worker: str
    at_ms: float


class FirstTokenProduced(Event, frozen=True, kw_only=True):
    """The model server sent the first token of an attempt."""

    job_id: str
    tenant: str
    lane: Lane
    attempt: int
    worker: str
    at_ms: float


class RetryScheduled(Event, frozen=True, kw_only=True):
    """An attempt failed at the model server; `tries` have by now, and the next may begin after so many seconds."""

    job_id: str
    tenant: str
    attempt: int
    tries: int
    reason: str
    after_s: float
    at_ms: float


class DeliveryAttempted(Event, frozen=True, kw_only=True):
    """A webhook was sent, or tried to be; `job_id` is what it tells of, a job or a batch."""

    job_id: str
    tenant: str
    webhook_id: str
    url: str
    attempt: int
    status: int | None
    outcome: Literal["delivered", "retry", "exhausted", "refused"]
    error: str | None = None
    duration_ms: float = 0.0
    next_attempt_ms: float | None = None
    at_ms: float = 0.0


JobEvent = JobClaimed | FirstTokenProduced | RetryScheduled | DeliveryAttempted
