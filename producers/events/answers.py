"""What is said on `answers`: how a job ended; and what an answer is made of."""

from typing import Literal

import msgspec

from producers.events.base import Event
from producers.events.prompts import Message, PromptSubmitted, ToolCall

CacheResult = Literal["hit", "semantic", "miss", "bypass"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class TokenLogprob(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token's text and the natural logarithm of its probability; `top` are the likeliest at its place."""

    text: str
    logprob: float
    top: tuple["TokenLogprob", ...] = ()


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of those that were drawn, in full."""

    text: str = ""
    finish_reason: FinishReason = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


class Usage(msgspec.Struct, frozen=True):
    """Tokens in and out, as the model server counted them."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


class Truncated(msgspec.Struct, frozen=True):
    """What was left out of a prompt so that it fits the model's window: its oldest turns, whole."""

    turns_dropped: int
    own_cut: int = 0
    """The place in the prompt's own messages before which all but instructions were left out."""


class JobError(msgspec.Struct, frozen=True):
    """Why a job failed, in the four fields of OpenAI's errors."""

    message: str
    type: str = "server_error"
    param: str | None = None
    code: str | None = None


class Ending(Event, frozen=True, kw_only=True):
    """What every terminal event of a job tells; it embeds the prompt whole, so that its readers need no other topic."""

    job_id: str
    prompt: PromptSubmitted
    attempt: int = 0
    text: str = ""
    usage: Usage | None = None
    history: tuple[Message, ...] = ()
    """The turns before this one that the model was shown, for a prompt of a conversation."""
    truncated: Truncated | None = None
    """What the model was not shown; None where it was shown all."""
    cache: CacheResult | None = None
    worker: str | None = None
    timeline: dict[str, float] = {}
    """Step to time in ms: received, accepted, acknowledged, started (the first claim), claimed (the last), first_token,
    finished."""


class AnswerCompleted(Ending, frozen=True, kw_only=True):
    """The model answered in full: `text` and `finish_reason` are those of the first choice."""

    finish_reason: FinishReason = "stop"
    choices: tuple[Choice, ...] = ()
    """Every choice, where the first one's text is not all: several were drawn, tools called, tokens weighed."""

    @property
    def drawn(self) -> tuple[Choice, ...]:
        """Every choice, at least one."""
        return self.choices or (Choice(self.text, self.finish_reason),)


class DeadEnd(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a job that failed lies among the dead letters too, and where the log holds its prompt."""

    reason: Literal["poison", "exhausted"]
    topic: str
    partition: int
    offset: int
    attempts: int
    error: str
    """What went wrong last, in words for operators."""
    first_error: str = ""


class AnswerFailed(Ending, frozen=True, kw_only=True):
    """The prompt could not be answered."""

    error: JobError
    dead_end: DeadEnd | None = None
    """Where it may be redriven, once what is wrong is mended."""


class AnswerCancelled(Ending, frozen=True, kw_only=True):
    """The client no longer wanted the answer: it never `ran` (the job is aborted), or it was cut (cancelled)."""

    ran: bool
    uncounted_tokens: int | None = None
    """What was held back for it, which it is charged: an attempt was cut off, and nobody has counted what that took."""


class AnswerExpired(Ending, frozen=True, kw_only=True):
    """The deadline passed first."""

    uncounted_tokens: int | None = None
    """As of what was cancelled."""


Terminal = AnswerCompleted | AnswerFailed | AnswerCancelled | AnswerExpired


def status_of(ending: Terminal) -> str:
    """The job's status (conventions §8) that a terminal event stands for."""
    match ending:
        case AnswerCompleted():
            return "completed"
        case AnswerFailed():
            return "failed"
        case AnswerCancelled(ran=ran):
            return "cancelled" if ran else "aborted"
        case AnswerExpired():
            return "expired"
