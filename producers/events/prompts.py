"""What is said on `prompts.*`: somebody asked; and what a prompt is made of."""

from typing import Any, Literal

import msgspec

from producers.events.base import Event

Lane = Literal["interactive", "standard", "batch"]
CacheUse = Literal["use", "bypass", "only"]
Truncation = Literal["auto", "disabled"]
LANES: tuple[Lane, ...] = ("interactive", "standard", "batch")


class ToolCall(msgspec.Struct, frozen=True):
    """A function that the model wants called; `arguments` are the text of a JSON object."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a prompt: who says what; an answer may call tools, and what a tool gave back names its call."""

    role: str
    content: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function that the model may call; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] = {}


class AnswerFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON that an answer must be: any object, or one that follows `schema`, which its client calls `name`."""

    schema: dict[str, Any] | None = None
    name: str = ""


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the model draws its tokens, in OpenAI's terms; None leaves the choice to the model server."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int = 1
    """How many answers are drawn."""
    top_logprobs: int | None = None
    """How many of the likeliest tokens are told at each place, beside the one drawn; None: no log-probabilities."""


class Webhook(msgspec.Struct, frozen=True):
    """Where the end of a job or a batch is to be told."""

    url: str


class ResponseTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked of a response (conventions §4) besides its prompt."""

    background: bool = False
    store: bool = True
    """Whether it may be asked for once it has been given."""
    previous: str | None = None
    """The response it goes on from."""
    tool_choice: str | dict[str, str] = "auto"
    parallel_tool_calls: bool = True


class PromptSubmitted(Event, frozen=True, kw_only=True):
    """A client handed in a prompt, and we have promised to answer it."""

    job_id: str
    tenant: str
    key_id: str
    lane: Lane
    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    format: AnswerFormat | None = None
    tools: tuple[Tool, ...] = ()
    must_call: bool = False
    """Whether the answer must be a call of one of the tools."""
    route: str = "/v1/jobs"
    as_job: bool = False
    """Whether it was handed in as a job on a route of calls that wait: one job, whatever becomes of it."""
    instructions: str | None = None
    """What the model is told first: for this prompt only, it is no part of its conversation."""
    response: ResponseTerms | None = None
    store: bool = False
    """Whether its answer is on the list of stored chat completions."""
    conversation: str | None = None
    replaces: str | None = None
    """The job of the conversation's last turn, of which this prompt's takes the place once it has an answer."""
    truncation: Truncation = "disabled"
    """Whether the oldest turns are left out where the model's window is too small for all; else the prompt fails."""
    webhook: Webhook | None = None
    deadline_ms: float | None = None
    cache: CacheUse = "use"
    metadata: dict[str, str] = {}
    idempotency_key: str | None = None
    fingerprint: str = ""
    received_ms: float = 0.0
    traceparent: str | None = None
    judged: bool = False
    """Whether it was let in by an operator's hook; where there is one, workers ask it about what no gateway did."""
    reserved_tokens: int = 0
    """What was held back of the tokens of its key and tenant until its ending tells what it took."""
