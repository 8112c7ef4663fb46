"""Constraints in the form that llama.cpp's guidance reads. It ignores what it cannot read, so we look first."""

import json
import re
from typing import Any

from infra.local.tgi.engine import Constraint
from infra.local.tgi.errors import EngineFailed

_LOOKS_AROUND = re.compile(r"\(\?[=!<]|\\[1-9]")


def grammar(constraint: Constraint) -> str:
    """The constraint as a grammar.

    Raises:
        EngineFailed: the regular expression cannot be followed.
    """
    if not constraint.regex:
        schema = {**_closed(constraint.schema), "x-guidance": {"whitespace_flexible": False}}
        return f"%llguidance {{}}\nstart: %json {json.dumps(schema)}"
    check_regex(constraint.regex)
    escaped = re.sub(r"(?<!\\)/", r"\/", constraint.regex)
    return f"%llguidance {{}}\nstart: /{escaped}/"


def _closed(schema: Any) -> Any:
    """TGI's objects have the properties that are named and no others, unless the schema says so itself."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: value if key in {"enum", "const"} else _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type", "object") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def check_regex(regex: str) -> None:
    """Refuse, in the words of TGI's model process, what no grammar can follow.

    Raises:
        EngineFailed: no regular expression, or one that looks around or back.
    """
    try:
        re.compile(regex)
    except re.error:
        raise EngineFailed("") from None
    if _LOOKS_AROUND.search(regex):
        raise EngineFailed("The vocabulary does not allow us to build a sequence that matches the input")
