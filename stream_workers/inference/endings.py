"""The ending of an attempt, in every way it can end: pure."""

from dataclasses import dataclass
from typing import Any, Literal

from producers.answer_cache import cacheable
from producers.events import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerExpired,
    AnswerFailed,
    JobError,
    Message,
    PromptSubmitted,
    Terminal,
    Usage,
)
from stream_workers.inference.parameters import TooLong
from stream_workers.inference.trouble import Kind, Trouble

_CODES: dict[Kind, str] = {
    "busy": "model_overloaded",
    "failed": "model_failed",
    "gone": "model_unreachable",
    "cut": "model_cut_off",
    "garbled": "model_garbled",
    "refused": "model_refused",
    "denied": "model_denied",
}


@dataclass(frozen=True)
class Answered:
    """The model answered."""

    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"]
    usage: Usage


@dataclass(frozen=True)
class Unanswered:
    """It did not, and will not."""

    error: JobError


@dataclass
class Attempt:
    """One attempt at a prompt as far as it has come; `times` are ms since the epoch, by step."""

    prompt: PromptSubmitted
    number: int
    worker: str
    times: dict[str, float]
    history: tuple[Message, ...] = ()
    usage: Usage | None = None

    def completed(self, text: str, answered: Answered) -> AnswerCompleted:
        """The model's answer."""
        return AnswerCompleted(
            **self._told(),
            text=text,
            usage=answered.usage,
            finish_reason=answered.finish_reason,
            cache="miss" if cacheable(self.prompt) else "bypass",
        )

    def recalled(self, earlier: AnswerCompleted) -> AnswerCompleted:
        """The answer that the cache holds for the same prompt."""
        return AnswerCompleted(
            **self._told(), text=earlier.text, usage=earlier.usage, finish_reason=earlier.finish_reason, cache="hit"
        )

    def failed(self, error: JobError) -> AnswerFailed:
        """No answer."""
        return AnswerFailed(**self._told(), usage=self.usage, error=error)

    def stopped(self, verdict: Literal["cancelled", "expired"], shown: str) -> Terminal:
        """The client, or the deadline, ended it; readers have seen that it ran, and `shown`, maybe nothing."""
        if verdict == "cancelled":
            return AnswerCancelled(**self._told(), text=shown, usage=self.usage, ran=True)
        return AnswerExpired(**self._told(), text=shown, usage=self.usage)

    def _told(self) -> dict[str, Any]:
        return {
            "job_id": self.prompt.job_id,
            "prompt": self.prompt,
            "attempt": self.number,
            "history": self.history,
            "worker": self.worker,
            "timeline": self.times,
        }


def poison(attempts: int) -> JobError:
    """The error of a prompt whose workers died of it."""
    return JobError(f"given up after {attempts} attempts: too many ended with their workers", code="poison")


def not_cached() -> JobError:
    """The error of a prompt that may only be answered from the cache, and is not in it."""
    return JobError("no cached answer", type="invalid_request_error", param="cache", code="cache_miss")


def not_last_turn() -> JobError:
    """The error of a prompt that is to replace a turn which was replaced or followed by another one before it."""
    message = "the turn to be replaced is not the conversation's last any more"
    return JobError(message, type="invalid_request_error", param="replaces", code="not_last_turn")


def too_long(found: TooLong) -> JobError:
    """OpenAI's error for a prompt over the model's window."""
    return JobError(
        f"This model's maximum context length is {found.window_tokens} tokens; the prompt has {found.prompt_tokens}.",
        type="invalid_request_error",
        param="messages",
        code="context_length_exceeded",
    )


def failure(trouble: Trouble) -> JobError:
    """What the client is told of trouble with the model server."""
    kind = "invalid_request_error" if trouble.kind == "refused" else "server_error"
    return JobError(trouble.message, type=kind, code=_CODES[trouble.kind])
