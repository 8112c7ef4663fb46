"""A wrong shape told in the words of TGI's deserializer (serde): where, what stands there, what was meant."""

import re
from typing import Any

import msgspec

from infra.local.tgi.requests.scan import Path, place, spans

_AT = re.compile(r" - at `\$\.?(.*)`$")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_TYPES = re.compile(r"Expected `([^`]+)`, got `")
_RANGE = re.compile(r"Expected `int` [<>]=")
_VARIANT = re.compile(r"Invalid enum value '(.*)'$")

SEED_TOO_LARGE = "a seed has 64 bits"

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
    """The refusal's text: path, fault, and how far the parser had read."""
    text = str(error)
    path = "" if (at := _AT.search(text)) is None else at[1]
    value = _found(body, path)
    path, text = _what(path, _AT.sub("", text), value, shape)
    prefix = f"{path}: " if path and not text.startswith(path) else ""
    return f"{prefix}{text} at {_position(body, path, text)}"


def _what(path: str, text: str, value: Any, shape: type) -> tuple[str, str]:
    name = path.rpartition(".")[2]
    if path.startswith("messages[") and name == "content":
        return path.rpartition(".")[0], "data did not match any variant of untagged enum MessageBody"
    if missing := _MISSING.match(text):
        return path, f"missing field `{missing[1]}`"
    if variant := _VARIANT.match(text):
        return path, f"unknown variant `{variant[1]}`, expected one of {_GRAMMARS}"
    if types := _TYPES.match(text):
        meant = _MEANT.get(name) or _PLAIN.get(types[1].split(" | ")[0], types[1])
        return path, f"invalid type: {_seen(value)}, expected {meant if path else f'struct {shape.__name__}'}"
    if _RANGE.match(text):
        return path, f"invalid value: {_seen(value)}, expected {_MEANT.get(name, 'u32')}"
    if text == SEED_TOO_LARGE:  # told of the parameters, not of the seed
        return f"{path}.seed".lstrip("."), f"invalid type: {_seen(float(value['seed']))}, expected u64"
    if "Empty array" in text:
        return "prompt", text
    return path, text


def _position(body: bytes, path: str, text: str) -> str:
    """A value is read to its end before it is refused, but a list or a map where neither may be only to its start."""
    start, end = spans(body).get(_steps(path), (len(body), len(body)))
    unread = text.startswith(("invalid type: sequence", "invalid type: map"))
    return place(body, start if unread else end)


def _steps(path: str) -> Path:
    return tuple(name or int(index) for name, index in _STEP.findall(path))


def _found(body: bytes, path: str) -> Any:
    """The value at the path."""
    if _steps(path) not in (known := spans(body)):
        return None
    start, end = known[_steps(path)]
    return msgspec.json.decode(body[start:end])


def _seen(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`".replace("e+", "e")
        case str():
            return f"string {msgspec.json.encode(value).decode()}"
        case list():
            return "sequence"
        case _:
            return "map"
