"""Items, as OpenAI's conversations and responses take them, to messages: text, calls of tools, their results. Pure."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from infra.errors import WrongField
from producers.events import Message, ToolCall
from producers.prompts import tools, unserved
from producers.prompts.bodies import Strict

ROLES: Final = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
NEUTRAL_IN_ITEM: Final[dict[str, tuple[Any, ...]]] = {
    "caller": ({"type": "direct"},),
    "namespace": (),
    "async_": (False,),
    "async__": (False,),
}
_TEXTS: Final = frozenset({"input_text", "output_text", "text"})


class PartBody(Strict, frozen=True, kw_only=True):
    """One part of an item's content; only text is taken. The last fields are those of an answer that comes back."""

    type: str
    text: str | None = None
    annotations: Any = None
    logprobs: Any = None
    prompt_cache_breakpoint: Any = None


class ItemBody(Strict, frozen=True, kw_only=True):
    """A message, a function's call or its result; `id`, `status` and `phase` are those of an item that comes back."""

    type: str = "message"
    role: str | None = None
    content: str | list[PartBody] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[PartBody] | None = None
    id: str | None = None
    status: str | None = None
    phase: str | None = None
    # Known to OpenAI and not served here; `async_` is how its Python SDK dumps `async`.
    caller: Any = None
    namespace: Any = None
    async_: Any = msgspec.field(name="async", default=None)
    async__: Any = msgspec.field(name="async_", default=None)


def messages_of(items: Sequence[ItemBody], field: str) -> tuple[Message, ...]:
    """The messages that items stand for; calls that follow one another are one message.

    Raises:
        WrongField: names what is wrong, under the name of the field that holds the items.
    """
    messages: list[Message] = []
    for at, each in enumerate(items):
        read = _message(f"{field}[{at}]", each)
        before = messages[-1] if messages else None
        if read.tool_calls and before is not None and before.tool_calls:
            messages[-1] = Message("assistant", "", tool_calls=(*before.tool_calls, *read.tool_calls))
        else:
            messages.append(read)
    return tuple(messages)


def results_of_others(items: Sequence[ItemBody]) -> list[str]:
    """The calls that items bring results of and that are not among them before."""
    made, named = set[str | None](), dict[str, None]()
    for each in items:
        if each.type == "function_call":
            made.add(each.call_id)
        elif each.type == "function_call_output" and each.call_id and each.call_id not in made:
            named[each.call_id] = None
    return list(named)


def check_results(items: Sequence[ItemBody], field: str, unanswered: Collection[str]) -> None:
    """Every result is that of a call which has none yet: of one among the items before it, or of those `unanswered`.

    Raises:
        WrongField: names the item.
    """
    waiting: set[str | None] = set(unanswered)
    for at, each in enumerate(items):
        if each.type == "function_call":
            waiting.add(each.call_id)
        elif each.type == "function_call_output" and each.call_id not in waiting:
            where = f"{field}[{at}].call_id"
            raise WrongField(f"{where} must be that of a function_call before it that has no output yet.", where)
        elif each.type == "function_call_output":
            waiting.remove(each.call_id)


def _message(where: str, item: ItemBody) -> Message:
    unserved.refuse_all(item, NEUTRAL_IN_ITEM, where)
    match item.type:
        case "message":
            if item.role not in ROLES:
                raise WrongField(f"{where}.role must be one of {', '.join(ROLES)}.", f"{where}.role")
            return Message(ROLES[item.role], _text(f"{where}.content", item.content))
        case "function_call":
            name = tools.named(f"{where}.name", item.name or "")
            call_id = _given(f"{where}.call_id", item.call_id)
            if item.arguments is None:
                raise WrongField(f"{where}.arguments is missing.", f"{where}.arguments")
            return Message("assistant", "", tool_calls=(ToolCall(call_id, name, item.arguments),))
        case "function_call_output":
            call_id = _given(f"{where}.call_id", item.call_id)
            return Message("tool", _text(f"{where}.output", item.output), tool_call_id=call_id)
        case _:
            known = "message, function_call, function_call_output"
            raise WrongField(f"{where}.type must be one of {known}.", f"{where}.type")


def _text(where: str, content: str | list[PartBody] | None) -> str:
    match content:
        case str(text):
            return text
        case list(parts) if parts:
            return "".join(_part(f"{where}[{at}]", part) for at, part in enumerate(parts))
        case _:
            raise WrongField(f"{where} must be a text or a list of text parts.", where)


def _part(where: str, part: PartBody) -> str:
    if part.type not in _TEXTS or part.text is None:
        raise WrongField(f"{where}.type: only text is understood here.", f"{where}.type")
    return part.text


def _given(where: str, value: str | None) -> str:
    if not value:
        raise WrongField(f"{where} is missing.", where)
    return value
