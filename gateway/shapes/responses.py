"""OpenAI's responses and the events of their stream (conventions §4 and §5)."""

from typing import Any, Literal, NotRequired, TypedDict

from gateway.shapes.answers import TokenChoiceShape
from gateway.shapes.conversations import ItemShape, TextPartShape

ResponseStatus = Literal["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"]


class ResponseErrorShape(TypedDict):
    """Why there is no answer."""

    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class IncompleteShape(TypedDict):
    """Why an answer is not whole."""

    reason: Literal["max_output_tokens", "content_filter"]


class CachedTokensShape(TypedDict):
    """Of the tokens in."""

    cached_tokens: int
    cache_write_tokens: int


class ReasoningTokensShape(TypedDict):
    """Of the tokens out."""

    reasoning_tokens: int


class ResponseUsageShape(TypedDict):
    """Tokens in and out."""

    input_tokens: int
    input_tokens_details: CachedTokensShape
    output_tokens: int
    output_tokens_details: ReasoningTokensShape
    total_tokens: int


class OfConversationShape(TypedDict):
    """The conversation that a response belongs to."""

    id: str


class ReasoningShape(TypedDict):
    """No model here is asked how much it reasons."""

    effort: None
    summary: None


class AnswerFormatShape(TypedDict):
    """What the answer must be."""

    type: Literal["text", "json_object", "json_schema"]
    name: NotRequired[str]
    schema: NotRequired[dict[str, Any]]
    strict: NotRequired[bool]
    description: NotRequired[None]


class ResponseTextShape(TypedDict):
    """How the answer's text is to be."""

    format: AnswerFormatShape


class OfferedToolShape(TypedDict):
    """A function that the model may call."""

    type: Literal["function"]
    name: str
    description: str | None
    parameters: dict[str, Any]
    strict: bool


class ResponseShape(TypedDict):
    """An answer in items, and what was asked for it."""

    id: str
    object: Literal["response"]
    created_at: int
    status: ResponseStatus
    background: bool
    completed_at: int | None
    error: ResponseErrorShape | None
    incomplete_details: IncompleteShape | None
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    model: str
    output: list[ItemShape]
    parallel_tool_calls: bool
    previous_response_id: str | None
    conversation: OfConversationShape | None
    reasoning: ReasoningShape
    service_tier: Literal["default"]
    store: bool
    temperature: float | None
    text: ResponseTextShape
    tool_choice: str | dict[str, str]
    tools: list[OfferedToolShape]
    top_logprobs: int
    top_p: float | None
    truncation: Literal["auto", "disabled"]
    usage: ResponseUsageShape | None


class ResponseDeletedShape(TypedDict):
    """A response that is gone."""

    id: str
    object: Literal["response"]
    deleted: bool


class ResponseWholeEventShape(TypedDict):
    """`response.created`, `.queued`, `.in_progress`, and the last: `.completed`, `.failed`, `.incomplete`."""

    type: str
    sequence_number: int
    response: ResponseShape


class ResponseItemEventShape(TypedDict):
    """`response.output_item.added` and `.done`."""

    type: str
    sequence_number: int
    output_index: int
    item: ItemShape


class ResponsePartEventShape(TypedDict):
    """`response.content_part.added` and `.done`."""

    type: str
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    part: TextPartShape


class ResponseTextEventShape(TypedDict):
    """`response.output_text.delta` (more text) and `.done` (the whole)."""

    type: str
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    delta: NotRequired[str]
    text: NotRequired[str]
    logprobs: list[TokenChoiceShape]


class ResponseCallEventShape(TypedDict):
    """`response.function_call_arguments.delta` and `.done`."""

    type: str
    sequence_number: int
    item_id: str
    output_index: int
    delta: NotRequired[str]
    name: NotRequired[str]
    arguments: NotRequired[str]


class ResponseErrorEventShape(TypedDict):
    """`error`: the stream cannot go on here; the response itself may."""

    type: Literal["error"]
    code: str | None
    message: str
    param: str | None
    sequence_number: int
