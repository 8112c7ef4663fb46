"""Conversations and their items (conventions §7)."""

from typing import Any, Literal, NotRequired, TypedDict

from gateway.shapes.answers import CompletionUsageShape, TokenChoiceShape, TruncatedShape
from gateway.shapes.jobs import FeedbackShape
from producers.events import CacheResult


class ConversationShape(TypedDict):
    """A session: its turns run in their order."""

    id: str
    object: Literal["conversation"]
    created_at: int
    title: str | None
    metadata: dict[str, str]


class ConversationDeletedShape(TypedDict):
    """A conversation that is gone."""

    id: str
    object: Literal["conversation.deleted"]
    deleted: bool


class TextPartShape(TypedDict):
    """A part of a message: text. What the model said has annotations and log-probabilities, which may be empty."""

    type: Literal["input_text", "output_text"]
    text: str
    annotations: NotRequired[list[Any]]
    logprobs: NotRequired[list[TokenChoiceShape]]


class ItemShape(TypedDict):
    """A message, a function's call or its result, told by `type`; beside it the job of the turn."""

    id: str
    status: Literal["completed", "incomplete", "in_progress"]
    job: NotRequired[str | None]
    type: Literal["message", "function_call", "function_call_output"]
    role: NotRequired[Literal["system", "developer", "user", "assistant"]]
    content: NotRequired[list[TextPartShape]]
    call_id: NotRequired[str | None]
    name: NotRequired[str]
    arguments: NotRequired[str]
    output: NotRequired[str]
    finish_reason: NotRequired[str | None]
    cache: NotRequired[CacheResult | None]
    usage: NotRequired[CompletionUsageShape | None]
    truncated: NotRequired[TruncatedShape | None]
    feedback: NotRequired[FeedbackShape | None]


class ConversationPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[ConversationShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ItemPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[ItemShape]
    first_id: str | None
    last_id: str | None
    has_more: bool
