"""What a gateway answers, as types; a field that a newer gateway adds is passed over."""

from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

ENDED: Final = frozenset({"completed", "failed", "cancelled", "aborted", "expired"})

Status = str
"""`queued`, `running`, `cancelling`, or one of `ENDED`."""
Order = Literal["asc", "desc"]
Kind = Literal["thumb", "score", "comment", "correction", "preference"]
Item = TypeVar("Item")


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all."""


class JobError(Object, frozen=True, kw_only=True):
    """Why there is no answer, in the four fields of OpenAI's errors."""

    message: str = ""
    type: str = ""
    param: str | None = None
    code: str | None = None


class Usage(Object, frozen=True, kw_only=True):
    """Tokens in and out."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Called(Object, frozen=True, kw_only=True):
    """A function, and the text of a JSON object with its arguments."""

    name: str
    arguments: str


class ToolCall(Object, frozen=True, kw_only=True):
    """A function that the model wants called."""

    id: str
    type: str = "function"
    function: Called


class Message(Object, frozen=True, kw_only=True):
    """Who says what."""

    role: str
    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()


class Choice(Object, frozen=True, kw_only=True):
    """One answer of a completion: the only one, unless `n` asked for more."""

    index: int = 0
    message: Message
    finish_reason: str | None = None
    logprobs: Any = None


class Completion(Object, frozen=True, kw_only=True):
    """An answer as OpenAI's chat completion."""

    id: str = ""
    object: str = "chat.completion"
    created: int = 0
    model: str = ""
    choices: tuple[Choice, ...]
    usage: Usage | None = None


class Truncated(Object, frozen=True, kw_only=True):
    """What the model was not shown, so that the prompt fits its window."""

    turns_dropped: int = 0


class Job(Object, frozen=True, kw_only=True):
    """A job as it stood when it was read; times are unix seconds."""

    id: str
    object: str = "job"
    status: Status
    created_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    expires_at: int | None = None
    model: str = ""
    lane: str = ""
    conversation: str | None = None
    attempt: int = 0
    queue: dict[str, Any] | None = None
    result: Completion | None = None
    error: JobError | None = None
    usage: Usage | None = None
    truncated: Truncated | None = None
    cache: str | None = None
    metadata: dict[str, str] = {}
    urls: dict[str, str] = {}

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDED

    @property
    def text(self) -> str | None:
        """The answer, or None where there is none."""
        return (self.result.choices[0].message.content or "") if self.result else None

    @property
    def failure(self) -> str:
        """One line on why there is no answer."""
        said = self.error.message if self.error else ""
        return f"the job {self.id} is {self.status}" + (f": {said}" if said else "")


class Feedback(Object, frozen=True, kw_only=True):
    """What somebody thinks of an answer."""

    id: str
    object: str = "feedback"
    job_id: str
    kind: Kind
    value: str | float
    comment: str | None = None
    tags: tuple[str, ...] = ()
    author: str = ""
    created_at: int = 0


class Step(Object, frozen=True, kw_only=True):
    """One step of a job's life, in milliseconds since the epoch, since the first step and since the one before."""

    step: str
    at_ms: float
    since_received_ms: float = 0.0
    since_previous_ms: float = 0.0


class Timeline(Object, frozen=True, kw_only=True):
    """The steps of a job's life so far."""

    object: str = "job.timeline"
    job_id: str
    status: Status
    steps: tuple[Step, ...] = ()


class Conversation(Object, frozen=True, kw_only=True):
    """Turns that belong together."""

    id: str
    object: str = "conversation"
    created_at: int = 0
    title: str | None = None
    metadata: dict[str, str] = {}


class ConversationItem(Object, frozen=True, kw_only=True):
    """A message of a conversation, in OpenAI's parts; or the call of a tool, or its result."""

    id: str
    type: str = "message"
    status: str = "completed"
    role: str = ""
    content: tuple[dict[str, Any], ...] = ()
    call_id: str | None = None
    """Of a `function_call`, or the `function_call_output` that answers it."""
    name: str | None = None
    arguments: str | None = None
    output: str | None = None
    job: str | None = None
    """The turn's; None of what was added between turns."""
    finish_reason: str | None = None
    """Of an answer: `stop`, `length`, …, or `cancelled` where it is what was shown until then."""
    cache: str | None = None
    usage: Usage | None = None
    truncated: Truncated | None = None
    feedback: Feedback | None = None
    """The thumb that was given in nobody's name."""

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(str(part.get("text", "")) for part in self.content)


class Page(Object, Generic[Item], frozen=True, kw_only=True):
    """Some of a list; `after=page.last_id` asks for the next ones where it `has_more`."""

    object: str = "list"
    data: tuple[Item, ...]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False


class Model(Object, frozen=True, kw_only=True):
    """A model that the key may ask."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = ""


class ReportName(Object, frozen=True, kw_only=True):
    """A report that there is."""

    name: str
    object: str = "report"
    about: str = ""


class Report(Object, frozen=True, kw_only=True):
    """The rows of one report, by the names of its columns."""

    name: str
    object: str = "report"
    about: str = ""
    since_s: float = 0.0
    until_s: float = 0.0
    columns: tuple[dict[str, str], ...] = ()
    data: tuple[dict[str, Any], ...] = ()
