"""A wrong shape told in the words of TGI's deserializer (serde): where, what stands there, what was meant."""

import re
from typing import Any

import msgspec

_AT = re.compile(r" - at `\$\.?(.*)`$")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_TYPES = re.compile(r"Expected `([^`]+)`, got `")
_RANGE = re.compile(r"Expected `int` [<>]=")
_VARIANT = re.compile(r"Invalid enum value '(.*)'$")

# What TGI calls the type of a field, where its name is not the type's own.
_MEANT = {
    "best_of": "usize",
    "truncate": "usize",
    "top_k": "i32",
    "max_new_tokens": "u32",
    "max_tokens": "u32",
    "top_n_tokens": "u32",
    "top_logprobs": "u32",
    "seed": "u64",
    "grammar": "adjacently tagged enum GrammarType",
    "response_format": "adjacently tagged enum GrammarType",
    "parameters": "struct GenerateParameters",
    "stream_options": "struct StreamOptions",
}
_PLAIN = {
    "str": "a string",
    "bool": "a boolean",
    "int": "u32",
    "float": "f32",
    "array": "a sequence",
    "object": "a map",
}
_GRAMMARS = "`json`, `json_object`, `regex`, `json_schema`"


def told(error: msgspec.ValidationError, body: bytes, shape: type) -> str:
    """The refusal's text. Its position is the end of the body: where in it the fault stands is not known here."""
    text = str(error)
    path = "" if (at := _AT.search(text)) is None else at[1]
    path, text = _what(path, _AT.sub("", text), body, shape)
    line, column = body.count(b"\n") + 1, len(body) - body.rfind(b"\n") - 1
    prefix = f"{path}: " if path and not text.startswith(path) else ""
    return f"{prefix}{text} at line {line} column {column}"


def _what(path: str, text: str, body: bytes, shape: type) -> tuple[str, str]:
    name = path.rpartition(".")[2]
    if path.startswith("messages[") and name == "content":
        return path.rpartition(".")[0], "data did not match any variant of untagged enum MessageBody"
    if missing := _MISSING.match(text):
        return path, f"missing field `{missing[1]}`"
    if variant := _VARIANT.match(text):
        return path, f"unknown variant `{variant[1]}`, expected one of {_GRAMMARS}"
    if types := _TYPES.match(text):
        meant = _MEANT.get(name) or _PLAIN.get(types[1].split(" | ")[0], types[1])
        meant = meant if path else f"struct {shape.__name__}"
        return path, f"invalid type: {_seen(_found(body, path))}, expected {meant}"
    if _RANGE.match(text):
        return path, f"invalid value: {_seen(_found(body, path))}, expected {_MEANT.get(name, 'u32')}"
    return path, text


def _found(body: bytes, path: str) -> Any:
    """The value at the path."""
    value = msgspec.json.decode(body)
    for name, index in _STEP.findall(path):
        value = value[name] if name else value[int(index)]
    return value


def _seen(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return f"string {msgspec.json.encode(value).decode()}"
        case list():
            return "sequence"
        case _:
            return "map"
