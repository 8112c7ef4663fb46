"""The body of `POST /v1/responses`, as types (conventions §4)."""

from typing import Any

import msgspec

from producers.prompts.bodies import Strict, WebhookBody
from producers.prompts.items import ItemBody


class ResponseTool(Strict, frozen=True, kw_only=True):
    """A tool that is offered."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    # Known to OpenAI and not served here.
    allowed_callers: Any = None
    defer_loading: Any = None
    output_schema: Any = None
    async_: Any = msgspec.field(name="async", default=None)


class ToolName(Strict, frozen=True, kw_only=True):
    """A tool that is offered, by its name."""

    type: str = "function"
    name: str


class ResponseChoice(Strict, frozen=True, kw_only=True):
    """The tool that must be called, or those that may be."""

    type: str
    name: str | None = None
    mode: str | None = None
    tools: list[ToolName] | None = None


class ResponseFormat(Strict, frozen=True, kw_only=True):
    """What the answer must be: text, any JSON object, or one of a schema."""

    type: str
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextBody(Strict, frozen=True, kw_only=True):
    """How the answer's text is to be."""

    format: ResponseFormat | None = None
    verbosity: str | None = None


class ConversationBody(Strict, frozen=True, kw_only=True):
    """A conversation by its id."""

    id: str


class StreamWish(Strict, frozen=True, kw_only=True):
    """How a stream of events is wanted; padding against who listens to its lengths is not made."""

    include_obfuscation: bool | None = None


class ResponseBody(Strict, frozen=True, kw_only=True):
    """The whole; null is the same as left out."""

    model: str
    input: str | list[ItemBody] | None = None
    instructions: str | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: StreamWish | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationBody | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    include: list[str] | None = None
    text: TextBody | None = None
    tools: list[ResponseTool] | None = None
    tool_choice: str | ResponseChoice | None = None
    parallel_tool_calls: bool | None = None
    truncation: str | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
    # Ours, as for jobs.
    lane: str | None = None
    deadline: str | float | None = None
    cache: str | None = None
    webhook: WebhookBody | None = None
    # Known to OpenAI and not served here.
    reasoning: Any = None
    max_tool_calls: Any = None
    prompt: Any = None
    moderation: Any = None
    context_management: Any = None
    background_options: Any = None
    prompt_cache_options: Any = None
    access_programs: Any = None
    image: Any = None
