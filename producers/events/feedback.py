"""What is said on `feedback` and `training.examples`: somebody judged an answer, and what can be learnt from it."""

from typing import Literal

from producers.events.base import Event
from producers.events.prompts import Message

FeedbackKind = Literal["thumb", "score", "comment", "correction", "preference"]


class FeedbackGiven(Event, frozen=True, kw_only=True):
    """Somebody judged an answer; the same author and kind again replaces what was said before."""

    feedback_id: str
    job_id: str
    tenant: str
    key_id: str
    kind: FeedbackKind
    value: str | float
    comment: str | None = None
    tags: tuple[str, ...] = ()
    author: str = ""
    at_ms: float = 0.0


class ExampleReady(Event, frozen=True, kw_only=True):
    """An answer and a feedback on it, joined: something a model can learn from."""

    example_id: str
    job_id: str
    feedback_id: str
    tenant: str
    model: str
    kind: FeedbackKind
    prompt: tuple[Message, ...]
    completion: str
    label: bool | None = None
    chosen: str | None = None
    rejected: str | None = None
    score: float | None = None
    comment: str | None = None
    tags: tuple[str, ...] = ()
    at_ms: float = 0.0
