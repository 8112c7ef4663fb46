"""The ending of an attempt, in every way it can end: pure."""

from dataclasses import dataclass, field
from typing import Any, Literal

from producers.answers.answer_cache import cacheable
from producers.events import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerExpired,
    AnswerFailed,
    Choice,
    DeadEnd,
    JobError,
    Message,
    PromptSubmitted,
    Terminal,
    Truncated,
    Usage,
)
from producers.jobs.lease import Short, Tried
from producers.log.places import Place
from stream_workers.inference.parameters import TooLong
from stream_workers.inference.seen import NOTHING, Seen
from stream_workers.inference.trouble import Kind, Trouble

_TOLD: dict[Kind, str] = {
    "gone": "The model server cannot be reached.",
    "away": "The model server cannot be reached.",
    "cut": "The model server broke the answer off.",
    "garbled": "The model server gave no answer that can be read.",
    "denied": "The model server does not take our requests.",
}
"""What clients are told where the trouble's own words would tell of our network; those go into our log."""
_CODES: dict[Kind, str] = {
    "busy": "model_overloaded",
    "failed": "model_failed",
    "gone": "model_unreachable",
    "away": "model_unreachable",
    "cut": "model_cut_off",
    "garbled": "model_garbled",
    "refused": "model_refused",
    "denied": "model_denied",
}


@dataclass(frozen=True)
class Answered:
    """The model answered."""

    choices: tuple[Choice, ...]
    usage: Usage


@dataclass(frozen=True)
class Unanswered:
    """It did not, and will not; `exhausted` where it was tried as often as it may be, and how that went."""

    error: JobError
    exhausted: Tried | None = None


@dataclass(frozen=True)
class Later:
    """It cannot now: the job goes back into the queue, and is not taken up again before so many seconds.

    `tried` is how often it was tried by now, where this was a try.
    """

    after_s: float = 0.0
    tried: Tried | None = None


@dataclass
class Attempt:
    """One attempt at a prompt as far as it has come; `times` are ms since the epoch, by step."""

    prompt: PromptSubmitted
    number: int
    worker: str
    times: dict[str, float]
    origin: Place
    """Where the log holds the prompt."""
    tried: Tried = field(default_factory=Tried)
    history: tuple[Message, ...] = ()
    truncated: Truncated | None = None
    usage: Usage | None = None
    held_tokens: int = 0
    """What is held back for it against its limits, at least."""
    uncounted_tokens: int | None = None
    """The same, where an attempt before this one was cut off and nobody has counted what that took."""
    seen: Seen = NOTHING
    """What readers had seen of the answer before, from which this attempt goes on."""

    def completed(self, answered: Answered) -> AnswerCompleted:
        """The model's answer."""
        first, *others = answered.choices
        is_plain = not (others or first.tool_calls or first.logprobs)
        # A refusal is not kept for others: the hook may judge otherwise tomorrow.
        is_filtered = any(each.finish_reason == "content_filter" for each in answered.choices)
        return AnswerCompleted(
            **self._told(),
            text=first.text,
            usage=answered.usage,
            finish_reason=first.finish_reason,
            choices=() if is_plain else answered.choices,
            cache="miss" if cacheable(self.prompt) and not is_filtered else "bypass",
        )

    def recalled(self, earlier: AnswerCompleted) -> AnswerCompleted:
        """The answer that the cache holds for the same prompt."""
        return AnswerCompleted(
            **self._told(),
            text=earlier.text,
            usage=earlier.usage,
            finish_reason=earlier.finish_reason,
            choices=earlier.choices,
            cache="hit",
        )

    def failed(self, error: JobError) -> AnswerFailed:
        """No answer."""
        return AnswerFailed(**self._told(), usage=self.usage, error=error)

    def exhausted(self, error: JobError, tried: Tried) -> AnswerFailed:
        """No answer, however often it was tried: the prompt is kept among the dead letters."""
        end = self._dead_end("exhausted", tried.times, tried.last_error, tried.first_error)
        return AnswerFailed(**self._told(), usage=self.usage, error=error, dead_end=end)

    def poisoned(self) -> AnswerFailed:
        """No answer, and too many workers died of it: kept there, too."""
        attempts = self.number - 1
        end = self._dead_end("poison", attempts, "too many of the workers that took it died", self.tried.first_error)
        return AnswerFailed(**self._told(), usage=self.usage, error=poison(attempts), dead_end=end)

    def stopped(self, verdict: Literal["cancelled", "expired"], shown: str) -> Terminal:
        """The client, or the deadline, ended it; readers have seen that it ran, and `shown`, maybe nothing."""
        uncounted = self.uncounted_tokens if self.usage is None else None
        told = {**self._told(), "text": shown, "usage": self.usage, "uncounted_tokens": uncounted}
        return AnswerCancelled(**told, ran=True) if verdict == "cancelled" else AnswerExpired(**told)

    def _dead_end(self, reason: Literal["poison", "exhausted"], attempts: int, error: str, first: str) -> DeadEnd:
        at = self.origin
        return DeadEnd(reason, at.topic, at.partition, at.offset, attempts, error, first)

    def _told(self) -> dict[str, Any]:
        return {
            "job_id": self.prompt.job_id,
            "prompt": self.prompt,
            "attempt": self.number,
            "history": self.history,
            "truncated": self.truncated,
            "worker": self.worker,
            "timeline": self.times,
        }


def poison(attempts: int) -> JobError:
    """The error of a prompt whose workers died of it."""
    return JobError(f"given up after {attempts} attempts: too many ended with their workers", code="poison")


def given_up(prompt: PromptSubmitted, tries: int, now_ms: float) -> AnswerFailed:
    """The ending of a job that no worker can bring to one: each try broke off by an error that nobody planned."""
    error = JobError(f"given up after {tries} tries: each broke off by an error of ours", code="poison")
    timeline = {"received": prompt.received_ms, "finished": now_ms}
    return AnswerFailed(job_id=prompt.job_id, prompt=prompt, attempt=tries, error=error, timeline=timeline)


def unjudged(what: Literal["prompt", "answer"], error: Exception) -> JobError:
    """The error of what must be judged before a model or a client sees it, and was not."""
    return JobError(f"the {what} is not shown: {error}", code="moderation_failed")


def not_cached() -> JobError:
    """The error of a prompt that may only be answered from the cache, and is not in it."""
    return JobError("no cached answer", type="invalid_request_error", param="cache", code="cache_miss")


def not_last_turn() -> JobError:
    """The error of a prompt that is to replace a turn which was replaced or followed by another one before it."""
    message = "the turn to be replaced is not the conversation's last any more"
    return JobError(message, type="invalid_request_error", param="replaces", code="not_last_turn")


def no_quota(short: Short, tokens: int) -> JobError:
    """The error of a prompt that turned out to need more tokens than its key or tenant has left."""
    who, period = "this key" if short.whose == "key" else "your tenant", "day" if short.by == "day" else "minute"
    message = f"The prompt and its answer may take {tokens} tokens, for which {who} has no room left in its {period}."
    code = "insufficient_quota" if short.by == "day" else "rate_limit_exceeded"
    return JobError(message, type="rate_limit_error", code=code)


def deleted_conversation() -> JobError:
    """The error of a turn whose conversation was deleted before it began."""
    message = "The conversation was deleted before this turn began."
    return JobError(message, type="invalid_request_error", param="conversation", code="conversation_deleted")


def no_such_call(prompt: PromptSubmitted, at: int) -> JobError:
    """The error of a turn of which one message is the result of a call that its conversation does not wait for."""
    where = "input" if prompt.route == "/v1/responses" else f"messages[{at}].tool_call_id"
    message = f"{where}: a result must be that of a call in its conversation that has none yet."
    return JobError(message, type="invalid_request_error", param=where)


def too_long(found: TooLong) -> JobError:
    """OpenAI's error for a prompt over the model's window."""
    return JobError(
        f"This model's maximum context length is {found.window_tokens} tokens; the prompt has {found.prompt_tokens}.",
        type="invalid_request_error",
        param="messages",
        code="context_length_exceeded",
    )


def over_all_windows() -> JobError:
    """The same for a conversation of which so much must be shown that nobody counts it."""
    return JobError(
        "The conversation has more text than any model reads, and no turn may be left out that would make it fit.",
        type="invalid_request_error",
        param="conversation",
        code="context_length_exceeded",
    )


def failure(trouble: Trouble, prompt: PromptSubmitted) -> JobError:
    """What the client is told of trouble with the model server."""
    if trouble.kind != "refused":
        return JobError(_TOLD.get(trouble.kind, trouble.message), type="server_error", code=_CODES[trouble.kind])
    param = _to_blame(prompt) if "grammar" in trouble.message.lower() else None
    return JobError(trouble.message, type="invalid_request_error", param=param, code=_CODES[trouble.kind])


def _to_blame(prompt: PromptSubmitted) -> str | None:
    """The field of which a grammar was made that the server does not follow."""
    if prompt.tools:
        return "tools"
    return None if prompt.format is None else "response_format"
