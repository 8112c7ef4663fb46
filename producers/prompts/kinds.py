"""Kinds of parts, items, tools and formats that OpenAI knows and we do not serve: refused as what they are. Pure.

Each kind has fields of its own, so a body that holds one is not of our types; only then is it looked for.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from infra.errors import WrongField
from producers.prompts import bodies
from producers.prompts.bodies import Body

Served = Mapping[tuple[str, ...], tuple[str, ...]]
"""Where something says its kind (`*` is every place of a list), and those that are served there."""

_FORMATS: Final = ("text", "json_object", "json_schema")
_TEXTS: Final = ("input_text", "output_text", "text")
IN_CHAT: Final[Served] = {
    ("messages", "*", "content", "*"): ("text",),
    ("messages", "*", "tool_calls", "*"): ("function",),
    ("tools", "*"): ("function",),
    ("tool_choice",): ("function", "allowed_tools"),
    ("response_format",): _FORMATS,
}
IN_RESPONSES: Final[Served] = {
    ("input", "*"): ("message", "function_call", "function_call_output"),
    ("input", "*", "content", "*"): _TEXTS,
    ("input", "*", "output", "*"): _TEXTS,
    ("tools", "*"): ("function",),
    ("tool_choice",): ("function", "allowed_tools"),
    ("text", "format"): _FORMATS,
}
IN_ITEMS: Final[Served] = {("items", *path[1:]): served for path, served in IN_RESPONSES.items() if path[0] == "input"}
_SAID: Final = {
    "image_url": "images are not supported",
    "input_image": "images are not supported",
    "input_audio": "audio is not supported",
    "file": "files are not supported",
    "input_file": "files are not supported",
}


def read(kind: type[Body], body: bytes, served: Served) -> Body:
    """The body as that type.

    Raises:
        WrongField: the field is named where one is to blame, and a kind that is not served as that.
    """
    try:
        return bodies.read(kind, body)
    except WrongField as error:
        raise (error.field and _unserved(body, served)) or error from None


def _unserved(body: bytes, served: Served) -> WrongField | None:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for path, kinds in served.items():
        for where, found in _at("", told, path):
            kind = found.get("type") if isinstance(found, dict) else None
            if isinstance(kind, str) and kind not in kinds:
                why = _SAID.get(kind, f"{kind[:80]!r} is not supported")
                return WrongField(f"{where}.type: {why} here, only {', '.join(kinds)}.", f"{where}.type")
    return None


def _at(where: str, told: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not path:
        yield where, told
    elif path[0] != "*" and isinstance(told, dict) and path[0] in told:
        yield from _at(f"{where}.{path[0]}" if where else path[0], told[path[0]], path[1:])
    elif path[0] == "*" and isinstance(told, list):
        for number, each in enumerate(told):
            yield from _at(f"{where}[{number}]", each, path[1:])
