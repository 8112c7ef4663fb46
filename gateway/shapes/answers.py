"""Chat completions, whole and in chunks (conventions §1 and §2)."""

from typing import Literal, NotRequired, TypedDict

from gateway.shapes.errors import ErrorShape
from producers.events import FinishReason


class CompletionUsageShape(TypedDict):
    """Tokens in and out, as the model server counted them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TruncatedShape(TypedDict):
    """What the model was not shown of a prompt that did not fit its window."""

    turns_dropped: int


class CalledFunctionShape(TypedDict):
    """The function that a call names; its arguments are JSON in a string."""

    name: str
    arguments: str


class FunctionCallShape(TypedDict):
    """A call of a tool."""

    id: str
    type: Literal["function"]
    function: CalledFunctionShape


class LikelyTokenShape(TypedDict):
    """A token, and how likely it was."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenChoiceShape(LikelyTokenShape):
    """A token that was drawn, and the likeliest in its place."""

    top_logprobs: list[LikelyTokenShape]


class LogprobsShape(TypedDict):
    """Log-probabilities of the tokens of a text."""

    content: list[TokenChoiceShape]
    refusal: None


class AnswerMessageShape(TypedDict):
    """What the model said."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: NotRequired[list[FunctionCallShape]]


class CompletionChoiceShape(TypedDict):
    """One of the answers that were asked for."""

    index: int
    message: AnswerMessageShape
    finish_reason: FinishReason
    logprobs: LogprobsShape | None


class ChatCompletionShape(TypedDict):
    """The answer to a prompt."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoiceShape]
    usage: CompletionUsageShape
    truncated: NotRequired[TruncatedShape]


class ChunkCallShape(FunctionCallShape):
    """A call of a tool in a stream: always a whole one."""

    index: int


class DeltaShape(TypedDict):
    """What a chunk adds to a choice."""

    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str]
    tool_calls: NotRequired[list[ChunkCallShape]]


class ChunkChoiceShape(TypedDict):
    """More of a choice."""

    index: int
    delta: DeltaShape
    logprobs: LogprobsShape | None
    finish_reason: FinishReason | None


class ChatCompletionChunkShape(TypedDict):
    """One event of a streamed answer; the last data of a stream is `[DONE]`."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoiceShape]
    usage: NotRequired[CompletionUsageShape | None]
    truncated: NotRequired[TruncatedShape]


class StoredCompletionShape(ChatCompletionShape):
    """An answer as it is read later."""

    metadata: dict[str, str]


class StoredCompletionPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[StoredCompletionShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class StoredMessageShape(TypedDict):
    """A message that was sent to be answered."""

    id: str
    role: Literal["system", "user", "assistant", "tool"]
    content: str | None
    name: str | None
    content_parts: None
    tool_calls: NotRequired[list[FunctionCallShape]]
    tool_call_id: NotRequired[str]


class StoredMessagePageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[StoredMessageShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class CompletionDeletedShape(TypedDict):
    """An answer that is gone."""

    id: str
    object: Literal["chat.completion.deleted"]
    deleted: bool


class StreamErrorShape(TypedDict):
    """The last event of a stream that broke off: no `[DONE]` follows it."""

    error: ErrorShape
