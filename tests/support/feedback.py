"""Feedback for tests."""

from typing import Any

from infra.ids import new_id
from producers.events import FeedbackGiven, PromptSubmitted
from tests.support.builders import CLOCK


def a_feedback(prompt: PromptSubmitted, kind: str = "thumb", value: str | float = "up", **fields: Any) -> FeedbackGiven:
    """Somebody's judgement of the answer to a prompt."""
    given: dict[str, Any] = {
        "feedback_id": new_id("fb", CLOCK),
        "job_id": prompt.job_id,
        "tenant": prompt.tenant,
        "key_id": prompt.key_id,
        "kind": kind,
        "value": value,
        "at_ms": CLOCK.now_ms(),
    }
    return FeedbackGiven(**(given | fields))
