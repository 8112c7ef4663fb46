"""What clients may send, as types: read with one decoder, refused with the name of the field that is wrong."""

import re
from array import array
from itertools import accumulate
from typing import Any, Final, TypeVar

import msgspec

from infra.errors import WrongField

Body = TypeVar("Body")

DEEPEST: Final = 64
"""Objects and lists within one another, in any body: half of what the model server reads (128), for what we put around
a schema, and far less than what any code of ours goes down."""
MOST_HELD: Final = 16_384
"""Of them, in any body."""

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<field>[^`]*)`")
_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
"""Of which msgspec only says that the input ends too early."""
_TOO_DEEP: Final = f"Objects and lists may stand {DEEPEST} deep within one another."
_UP, _DOWN = (1).to_bytes(), (-1).to_bytes(signed=True)
_UP_OR_DOWN: Final = bytes.maketrans(b"[{]}", _UP * 2 + _DOWN * 2)
_NEITHER_BRACKET_NOR_QUOTE: Final = bytes(set(range(256)) - set(b'[]{}"'))


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all bodies: a field that we do not know is refused, not passed over."""


class TextPart(Strict, frozen=True, kw_only=True):
    """One part of a message's content; only text is taken."""

    text: str
    type: str
    prompt_cache_breakpoint: Any = None


class CalledBody(Strict, frozen=True, kw_only=True):
    """The function that a call names."""

    name: str
    arguments: str


class ToolCallBody(Strict, frozen=True, kw_only=True):
    """A call of an answer that is sent back to us; the `index` of a stream's call says nothing here."""

    id: str
    function: CalledBody
    type: str = "function"
    index: int | None = None


class MessageBody(Strict, frozen=True, kw_only=True):
    """One message; the last fields are those of an answer that is sent back to us, and must be empty."""

    role: str
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCallBody] | None = None
    tool_call_id: str | None = None
    refusal: Any = None
    audio: Any = None
    annotations: Any = None
    function_call: Any = None


class FunctionBody(Strict, frozen=True, kw_only=True):
    """A function that may be called; `strict` is refused where its arguments might not follow their schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolBody(Strict, frozen=True, kw_only=True):
    """A tool that is offered."""

    type: str
    function: FunctionBody


class NameBody(Strict, frozen=True, kw_only=True):
    """A function by its name."""

    name: str


class ToolReference(Strict, frozen=True, kw_only=True):
    """A tool that is offered, by its name."""

    type: str = "function"
    function: NameBody


class AllowedTools(Strict, frozen=True, kw_only=True):
    """Those of the tools that may be called, or one of which must be."""

    mode: str
    tools: list[ToolReference]


class NamedTool(Strict, frozen=True, kw_only=True):
    """The tool that must be called, or those that may be."""

    type: str
    function: NameBody | None = None
    allowed_tools: AllowedTools | None = None


class SchemaBody(Strict, frozen=True, kw_only=True):
    """The schema that an answer must follow; `strict` is refused where it might not."""

    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class FormatBody(Strict, frozen=True, kw_only=True):
    """What the answer must be: text, any JSON object, or one of a schema."""

    type: str
    json_schema: SchemaBody | None = None


class WebhookBody(Strict, frozen=True, kw_only=True):
    """Where its end is to be told."""

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
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: FormatBody | None = None
    tools: list[ToolBody] | None = None
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    store: bool | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    metadata: dict[str, str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    lane: str | None = None
    conversation: str | None = None
    replaces: str | None = None
    truncation: str | None = None
    webhook: WebhookBody | None = None
    deadline: str | float | None = None
    cache: str | None = None
    # Known to OpenAI and not served here: refused unless they ask for nothing.
    logit_bias: Any = None
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None
    reasoning_effort: Any = None
    verbosity: Any = None
    web_search_options: Any = None
    prompt_cache_options: Any = None
    moderation: Any = None


def read(kind: type[Body], body: bytes) -> Body:
    """The body as that type.

    Raises:
        WrongField: the field is named where one is to blame.
    """
    steps = _steps(body)
    if steps.count(_UP) > MOST_HELD:
        raise WrongField(f"The body may hold {MOST_HELD} objects and lists.")
    try:
        made = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _HALF.search(body):
            raise WrongField("The body is not JSON: half of a surrogate pair stands alone.") from None
        raise WrongField(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise WrongField(_TOO_DEEP) from None
    if _depth(steps) > DEEPEST:
        raise _too_deep(body)
    return made


def _steps(body: bytes) -> bytes:
    """One up where an object or a list begins, one down where it ends; none if there are few enough not to matter."""
    if body.count(b"[") + body.count(b"{") < DEEPEST:
        return b""
    # Without what is escaped, every second piece between quotes is a text.
    quoted = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_UP_OR_DOWN, _NEITHER_BRACKET_NOR_QUOTE)
    return b"".join(quoted.split(b'"')[::2])


def _depth(steps: bytes) -> int:
    return max(accumulate(array("b", steps)), default=0)


def _too_deep(body: bytes) -> WrongField:
    """Told of the first field that is."""
    told = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    field = next((name for name, each in told.items() if _depth(_steps(bytes(each))) >= DEEPEST), None)
    return WrongField(_TOO_DEEP if field is None else f"{field}: {_TOO_DEEP}", field)


def _invalid(said: str) -> WrongField:
    found = _AT.search(said)
    path = found["path"].removesuffix("[...]") if found else ""
    text = said[: found.start()] if found else said
    if inner := _UNKNOWN.search(text) or _MISSING.search(text):
        path = f"{path}.{inner['field']}" if path else inner["field"]
        return WrongField(f"{path} is {'missing' if 'missing' in text else 'no field that is known here'}.", path)
    if not path:
        return WrongField(f"The body must be a JSON object: {text}.")
    return WrongField(f"{path}: {text}.", path)
