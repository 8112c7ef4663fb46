"""Events to rows: pure, one function a table. A row's fields are its table's columns.

Whatever a record says, its row fits the columns: numbers are cut to their range here, so that no single record can make
ClickHouse refuse the batch it is in.
"""

import math
import time
from typing import Any, NamedTuple

import msgspec

from producers.events import (
    AnswerCompleted,
    AnswerFailed,
    DeliveryAttempted,
    FeedbackGiven,
    FirstTokenProduced,
    JobClaimed,
    JobEvent,
    RetryScheduled,
    Terminal,
    status_of,
)

_MAX_UINT16, _MAX_UINT32 = 2**16 - 1, 2**32 - 1
_LAST_MS = 4_102_444_800_000  # the year 2100, the end of what ClickHouse's month functions take


class TimedPlace(NamedTuple):
    """Where in the log a record stands, and the broker's time of it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: float


class AnswerRow(NamedTuple):
    """A job's end. Times are milliseconds since the epoch, as the driver takes them for DateTime64(3)."""

    topic: str
    partition: int
    offset: int
    job_id: str
    tenant: str
    key_id: str
    lane: str
    model: str
    route: str
    conversation: str
    status: str
    finish_reason: str
    error_type: str
    error_code: str
    error_message: str
    attempt: int
    worker: str
    cache: str
    prompt_tokens: int
    completion_tokens: int
    received_at: int
    finished_at: int
    queue_wait_ms: float | None
    first_token_ms: float | None
    model_ms: float | None
    total_ms: float | None
    has_webhook: bool
    metadata: dict[str, str]
    prompt: str
    answer: str


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


class FeedbackRow(NamedTuple):
    """A judgement of an answer."""

    topic: str
    partition: int
    offset: int
    feedback_id: str
    job_id: str
    tenant: str
    key_id: str
    kind: str
    value: str
    text: str
    score: float | None
    comment: str
    tags: list[str]
    author: str
    at: int


class UndecodableRow(NamedTuple):
    """A record that is no event of ours."""

    topic: str
    partition: int
    offset: int
    error: str
    at: int


Row = AnswerRow | JobEventRow | FeedbackRow | UndecodableRow


def answer_row(ending: Terminal, origin: TimedPlace, *, store_text: bool) -> AnswerRow:
    """The row of a job's end."""
    prompt, times = ending.prompt, ending.timeline
    received_ms = prompt.received_ms or times.get("received", 0.0)
    error = ending.error if isinstance(ending, AnswerFailed) else None
    return AnswerRow(
        *origin[:3],
        job_id=ending.job_id,
        tenant=prompt.tenant,
        key_id=prompt.key_id,
        lane=prompt.lane,
        model=prompt.model,
        route=prompt.route,
        conversation=prompt.conversation or "",
        status=status_of(ending),
        finish_reason=ending.finish_reason if isinstance(ending, AnswerCompleted) else "",
        error_type=error.type if error else "",
        error_code=(error.code if error else None) or "",
        error_message=error.message if error else "",
        attempt=_count(ending.attempt),
        worker=ending.worker or "",
        cache=ending.cache or "",
        prompt_tokens=_count(ending.usage.prompt_tokens if ending.usage else 0),
        completion_tokens=_count(ending.usage.completion_tokens if ending.usage else 0),
        received_at=_instant(received_ms),
        finished_at=_instant(times.get("finished", origin.timestamp_ms)),
        queue_wait_ms=_between(times, "received", "claimed"),
        first_token_ms=_between(times, "received", "first_token"),
        model_ms=_between(times, "claimed", "finished"),
        total_ms=_between(times, "received", "finished"),
        has_webhook=prompt.webhook is not None,
        metadata=dict(prompt.metadata),
        prompt=msgspec.json.encode(prompt.messages).decode() if store_text else "",
        answer=ending.text if store_text else "",
    )


def job_event_row(event: JobEvent, origin: TimedPlace) -> JobEventRow:
    """The row of a step."""
    told: dict[str, Any]
    match event:
        case JobClaimed() | FirstTokenProduced():
            told = {"lane": event.lane, "worker": event.worker}
        case RetryScheduled():
            told = {"tries": _count(event.tries), "reason": event.reason, "after_s": event.after_s}
        case DeliveryAttempted():
            told = {
                "webhook_id": event.webhook_id,
                "url": event.url,
                "status": _count(event.status or 0, _MAX_UINT16),
                "outcome": event.outcome,
                "error": event.error or "",
                "duration_ms": event.duration_ms,
                "next_attempt_at": None if event.next_attempt_ms is None else _instant(event.next_attempt_ms),
            }
    return JobEventRow(
        *origin[:3],
        type=type(event).__name__,
        job_id=event.job_id,
        tenant=event.tenant,
        attempt=_count(event.attempt),
        at=_instant(event.at_ms or origin.timestamp_ms),
        **told,
    )


def feedback_row(event: FeedbackGiven, origin: TimedPlace, *, store_text: bool) -> FeedbackRow:
    """The row of a judgement; a comment's or a correction's words are text, as prompts and answers are."""
    is_text = event.kind in {"comment", "correction"}
    return FeedbackRow(
        *origin[:3],
        feedback_id=event.feedback_id,
        job_id=event.job_id,
        tenant=event.tenant,
        key_id=event.key_id,
        kind=event.kind,
        value="" if is_text else str(event.value),
        text=str(event.value) if is_text and store_text else "",
        score=_score(event.value),
        comment=(event.comment or "") if store_text else "",
        tags=list(event.tags),
        author=event.author,
        at=_instant(event.at_ms or origin.timestamp_ms),
    )


def undecodable_row(error: str, origin: TimedPlace) -> UndecodableRow:
    """The row of a record that is no event of ours."""
    return UndecodableRow(*origin[:3], error=error, at=_instant(origin.timestamp_ms))


def month_of(instant_ms: int) -> tuple[int, int]:
    """Year and month of an instant, in UTC: what ClickHouse's toYYYYMM tells apart."""
    told = time.gmtime(instant_ms / 1000)
    return told.tm_year, told.tm_mon


def _score(value: str | float) -> float | None:
    """Thumbs are 1 and 0, so that they can be averaged as scores can."""
    if isinstance(value, str):
        return {"up": 1.0, "down": 0.0}.get(value)
    return float(value)


def _between(times: dict[str, float], first: str, last: str) -> float | None:
    if first not in times or last not in times:
        return None
    return max(0.0, times[last] - times[first])


def _instant(at_ms: float) -> int:
    return int(min(max(at_ms, 0.0), _LAST_MS)) if math.isfinite(at_ms) else 0


def _count(number: int, most: int = _MAX_UINT32) -> int:
    return min(max(number, 0), most)
