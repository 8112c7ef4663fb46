"""The table `feedback`: what somebody thinks of an answer."""

from typing import NamedTuple

from analytics.rows.cells import TimedPlace, instant
from producers.events import FeedbackGiven


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
        at=instant(event.at_ms or origin.timestamp_ms),
    )


def _score(value: str | float) -> float | None:
    """Thumbs are 1 and 0, so that they can be averaged as scores can."""
    if isinstance(value, str):
        return {"up": 1.0, "down": 0.0}.get(value)
    return float(value)
