"""The table `answers`: how each job ended."""

import time
from typing import NamedTuple

import msgspec

from analytics.rows.cells import TimedPlace, instant, whole
from producers.events import AnswerCompleted, AnswerFailed, Terminal, status_of


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
        attempt=whole(ending.attempt),
        worker=ending.worker or "",
        cache=ending.cache or "",
        prompt_tokens=whole(ending.usage.prompt_tokens if ending.usage else 0),
        completion_tokens=whole(ending.usage.completion_tokens if ending.usage else 0),
        received_at=instant(received_ms),
        finished_at=instant(times.get("finished", origin.timestamp_ms)),
        queue_wait_ms=_between(times, "received", "claimed"),
        first_token_ms=_between(times, "received", "first_token"),
        model_ms=_between(times, "claimed", "finished"),
        total_ms=_between(times, "received", "finished"),
        has_webhook=prompt.webhook is not None,
        metadata=dict(prompt.metadata),
        prompt=msgspec.json.encode(prompt.messages).decode() if store_text else "",
        answer=ending.text if store_text else "",
    )


def month_of(instant_ms: int) -> tuple[int, int]:
    """Year and month of an instant, in UTC: what ClickHouse's toYYYYMM tells apart."""
    told = time.gmtime(instant_ms / 1000)
    return told.tm_year, told.tm_mon


def _between(times: dict[str, float], first: str, last: str) -> float | None:
    if first not in times or last not in times:
        return None
    return max(0.0, times[last] - times[first])
