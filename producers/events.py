"""Every event that can be said on Kafka: frozen structures, past tense, one class a fact.

Times are `_ms`: milliseconds since the epoch, with the fraction. A field added later must have a default, so
that the oldest record in a topic still decodes (the golden examples prove it).
"""

from typing import Any, Literal

import msgspec

Lane = Literal["interactive", "standard", "batch"]
CacheUse = Literal["use", "bypass", "only"]
CacheResult = Literal["hit", "semantic", "miss", "bypass"]
FeedbackKind = Literal["thumb", "score", "comment", "correction", "preference"]
LANES: tuple[Lane, ...] = ("interactive", "standard", "batch")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    """Base of all events; `type` on the wire is the class's name."""


class Message(msgspec.Struct, frozen=True):
    """One message of a prompt: who says what."""

    role: str
    content: str


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the model draws its tokens, in OpenAI's terms; None leaves the choice to the model server."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


class Usage(msgspec.Struct, frozen=True):
    """Tokens in and out, as the model server counted them."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


class JobError(msgspec.Struct, frozen=True):
    """Why a job failed, in the four fields of OpenAI's errors."""

    message: str
    type: str = "server_error"
    param: str | None = None
    code: str | None = None


class Webhook(msgspec.Struct, frozen=True):
    """Where the end of a job is to be told."""

    url: str


class PromptSubmitted(Event, frozen=True, kw_only=True):
    """A client handed in a prompt, and we have promised to answer it."""

    job_id: str
    tenant: str
    key_id: str
    lane: Lane
    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    route: str = "/v1/jobs"
    conversation: str | None = None
    replaces: str | None = None
    """The job of the conversation's last turn, of which this prompt's takes the place once it has an answer."""
    webhook: Webhook | None = None
    deadline_ms: float | None = None
    cache: CacheUse = "use"
    metadata: dict[str, str] = {}
    idempotency_key: str | None = None
    fingerprint: str = ""
    received_ms: float = 0.0
    traceparent: str | None = None


class Ending(Event, frozen=True, kw_only=True):
    """What every terminal event of a job tells; it embeds the prompt whole, so that its readers need no other topic."""

    job_id: str
    prompt: PromptSubmitted
    attempt: int = 0
    text: str = ""
    usage: Usage | None = None
    history: tuple[Message, ...] = ()
    """The turns before this one that the model was shown, for a prompt of a conversation."""
    cache: CacheResult | None = None
    worker: str | None = None
    timeline: dict[str, float] = {}
    """Step to time in ms: received, accepted, acknowledged, claimed, first_token, finished."""


class AnswerCompleted(Ending, frozen=True, kw_only=True):
    """The model answered in full."""

    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"


class AnswerFailed(Ending, frozen=True, kw_only=True):
    """The prompt could not be answered."""

    error: JobError


class AnswerCancelled(Ending, frozen=True, kw_only=True):
    """The client no longer wanted the answer: it never `ran` (the job is aborted), or it was cut (cancelled)."""

    ran: bool


class AnswerExpired(Ending, frozen=True, kw_only=True):
    """The deadline passed first."""


class JobClaimed(Event, frozen=True, kw_only=True):
    """A worker took a job under a lease."""

    job_id: str
    tenant: str
    lane: Lane
    attempt: int
    worker: str
    at_ms: float


class FirstTokenProduced(Event, frozen=True, kw_only=True):
    """The model server sent the first token of an attempt."""

    job_id: str
    tenant: str
    lane: Lane
    attempt: int
    worker: str
    at_ms: float


class RetryScheduled(Event, frozen=True, kw_only=True):
    """An attempt at the model server failed and is tried again in place."""

    job_id: str
    tenant: str
    attempt: int
    tries: int
    reason: str
    after_s: float
    at_ms: float


class DeliveryAttempted(Event, frozen=True, kw_only=True):
    """A webhook was sent, or tried to be."""

    job_id: str
    tenant: str
    webhook_id: str
    url: str
    attempt: int
    status: int | None
    outcome: Literal["delivered", "retry", "exhausted", "refused"]
    error: str | None = None
    duration_ms: float = 0.0
    next_attempt_ms: float | None = None
    at_ms: float = 0.0


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


class Buried(Event, frozen=True, kw_only=True):
    """A record or a job that nobody can process: kept for a person to look at."""

    job_id: str | None
    reason: Literal["undecodable", "poison", "refused", "exhausted"]
    error: str
    attempts: int = 0
    origin_topic: str
    origin_partition: int
    origin_offset: int
    payload_base64: str = ""
    """The record's bytes, or their first part where `error` says so."""
    at_ms: float = 0.0


class TenantDefined(Event, frozen=True, kw_only=True):
    """A tenant exists."""

    id: str
    name: str
    at_ms: float = 0.0


class KeyIssued(Event, frozen=True, kw_only=True):
    """An API key was made; of it only the SHA-256 is kept, and its webhook secret only encrypted."""

    id: str
    tenant: str
    name: str
    prefix: str
    sha256: str
    webhook_secret_encrypted: str
    requests_per_minute: int
    jobs_in_flight: int
    at_ms: float = 0.0


class KeyRevoked(Event, frozen=True, kw_only=True):
    """An API key must no longer be accepted."""

    id: str
    at_ms: float = 0.0


class ConversationCreated(Event, frozen=True, kw_only=True):
    """A conversation was opened."""

    conversation: str
    tenant: str
    title: str | None = None
    metadata: dict[str, str] = {}
    at_ms: float = 0.0


class ConversationUpdated(Event, frozen=True, kw_only=True):
    """A conversation has another title or other metadata; None leaves it as it was."""

    conversation: str
    tenant: str
    title: str | None = None
    metadata: dict[str, str] | None = None
    at_ms: float = 0.0


class ConversationDeleted(Event, frozen=True, kw_only=True):
    """A conversation and its history are to be forgotten."""

    conversation: str
    tenant: str
    at_ms: float = 0.0


Terminal = AnswerCompleted | AnswerFailed | AnswerCancelled | AnswerExpired
JobEvent = JobClaimed | FirstTokenProduced | RetryScheduled | DeliveryAttempted
RegistryEvent = TenantDefined | KeyIssued | KeyRevoked
ConversationEvent = ConversationCreated | ConversationUpdated | ConversationDeleted


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


def to_builtins(event: Any) -> dict[str, Any]:
    """The event as plain dicts and lists, as it stands on the wire."""
    plain: dict[str, Any] = msgspec.to_builtins(event)
    return plain
