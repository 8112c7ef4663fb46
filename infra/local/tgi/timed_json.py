"""What the timed engine answers where a JSON schema is asked for: the plainest value that fits, with derived words."""

import json
import re
from collections.abc import Iterator
from typing import Any

_PIECE = re.compile(r"\w+|\W")


def json_pieces(schema: dict[str, Any], words: Iterator[str]) -> list[str]:
    """The tokens of a value that fits the schema."""
    return _PIECE.findall(json.dumps(_value(schema, words), separators=(",", ":"), ensure_ascii=False))


def _value(schema: Any, words: Iterator[str]) -> Any:
    if not isinstance(schema, dict):
        return None
    for key in ("const", "enum", "anyOf", "oneOf"):
        if key in schema:
            given = schema[key]
            return given if key == "const" else given[0] if key == "enum" else _value(given[0], words)
    kind = schema.get("type", "object")
    match kind[0] if isinstance(kind, list) else kind:
        case "string":
            return next(words).strip()[: schema.get("maxLength", 99)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [_value(schema.get("items", {}), words) for _ in range(schema.get("minItems", 1))]
        case "null":
            return None
        case _:
            return {name: _value(each, words) for name, each in schema.get("properties", {}).items()}
