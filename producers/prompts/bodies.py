"""What clients may send, as types: read with one decoder, refused with the name of the field that is wrong."""

import re
from typing import Any, TypeVar

import msgspec

from infra.errors import WrongField

Body = TypeVar("Body")

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<field>[^`]*)`")


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all bodies: a field that we do not know is refused, not passed over."""


class TextPart(Strict, frozen=True, kw_only=True):
    """One part of a message's content; only text is taken."""

    text: str
    type: str


class MessageBody(Strict, frozen=True, kw_only=True):
    """One message; the fields after `content` are those of an answer that is sent back to us, and must be empty."""

    role: str
    content: str | list[TextPart] | None = None
    refusal: Any = None
    audio: Any = None
    annotations: Any = None
    tool_calls: Any = None
    function_call: Any = None


class WebhookBody(Strict, frozen=True, kw_only=True):
    """Where the end of a job is to be told."""

    url: str


class StreamOptions(Strict, frozen=True, kw_only=True):
    """How a stream of chunks ends."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class PromptBody(Strict, frozen=True, kw_only=True):
    """The body of a chat completion or a job; OpenAI takes null for every optional field, and so do we."""

    model: str
    messages: list[MessageBody] | None = None
    input: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    lane: str | None = None
    conversation: str | None = None
    replaces: str | None = None
    webhook: WebhookBody | None = None
    deadline: str | float | None = None
    cache: str | None = None
    # Known to OpenAI and not served here: refused unless they ask for nothing.
    logprobs: Any = None
    top_logprobs: Any = None
    logit_bias: Any = None
    response_format: Any = None
    tools: Any = None
    tool_choice: Any = None
    parallel_tool_calls: Any = None
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None
    reasoning_effort: Any = None
    verbosity: Any = None
    web_search_options: Any = None
    store: Any = None
    service_tier: Any = None


def read(kind: type[Body], body: bytes) -> Body:
    """The body as that type.

    Raises:
        WrongField: the field is named where one is to blame.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongField(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise WrongField("The body is nested too deeply.") from None


def canonical(body: bytes) -> bytes:
    """The same JSON, however its writer ordered keys and spaces; `body` was read before."""
    return msgspec.json.encode(msgspec.json.decode(body), order="deterministic")


def _invalid(said: str) -> WrongField:
    found = _AT.search(said)
    path = found["path"].removesuffix("[...]") if found else ""
    text = said[: found.start()] if found else said
    if inner := _UNKNOWN.search(text) or _MISSING.search(text):
        path = f"{path}.{inner['field']}" if path else inner["field"]
    if not path:
        return WrongField(f"The body must be a JSON object: {text}.")
    return WrongField(f"{path}: {text}.", path)
