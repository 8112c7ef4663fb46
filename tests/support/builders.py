"""Events for tests: whole and valid, with only what a test cares about spelled out."""

from typing import Any

from infra.clock import SystemClock
from infra.ids import new_id
from producers.events import AnswerCancelled, AnswerCompleted, AnswerFailed, JobError, Message, PromptSubmitted, Usage

CLOCK = SystemClock()


def a_prompt(text: str = "Why is the sky blue?", **fields: Any) -> PromptSubmitted:
    """A prompt of one user message."""
    given: dict[str, Any] = {
        "job_id": new_id("job", CLOCK),
        "tenant": "acme",
        "key_id": "key_1",
        "lane": "standard",
        "model": "smollm2",
        "messages": (Message("user", text),),
        "received_ms": CLOCK.now_ms(),
    }
    return PromptSubmitted(**(given | fields))


def a_completed(prompt: PromptSubmitted, text: str = "Rayleigh scattering.", **fields: Any) -> AnswerCompleted:
    """The model's full answer to a prompt."""
    given: dict[str, Any] = {"attempt": 1, "usage": Usage(7, 3), "cache": "miss"}
    return AnswerCompleted(job_id=prompt.job_id, prompt=prompt, text=text, **(given | fields))


def a_failed(prompt: PromptSubmitted, message: str = "the model server is gone", **fields: Any) -> AnswerFailed:
    """A prompt that could not be answered."""
    return AnswerFailed(job_id=prompt.job_id, prompt=prompt, error=JobError(message), **fields)


def a_cancelled(prompt: PromptSubmitted, *, ran: bool = False, **fields: Any) -> AnswerCancelled:
    """A job that its client no longer wanted."""
    return AnswerCancelled(job_id=prompt.job_id, prompt=prompt, ran=ran, **fields)
