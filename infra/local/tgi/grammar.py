"""Constraints as grammars of llama.cpp's guidance, tried before they are used: it ignores a grammar it cannot read.

The library that reads them inside llama.cpp also comes as a package of its own; both are of one version.
"""

import json
import re
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from infra.local.tgi.engine import Constraint
from infra.local.tgi.errors import EngineFailed, invalid

_LOOKS_AROUND = re.compile(r"\(\?(=|!|<[=!])|\\[1-9]|\(\?P=")
_WHERE = re.compile(r"^at \d+\(\d+\): ")


def grammar(constraint: Constraint) -> str:
    """The constraint as a grammar."""
    if constraint.regex:
        escaped = re.sub(r"(?<!\\)((?:\\\\)*)/", r"\1\/", constraint.regex)
        return f"%llguidance {{}}\nstart: /{escaped}/"
    schema = {**_closed(constraint.schema), "x-guidance": {"whitespace_flexible": False}}
    return f"%llguidance {{}}\nstart: %json {json.dumps(schema)}"


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


def check(constraint: Constraint) -> None:
    """Refuse what no grammar can follow; takes milliseconds, or seconds where repetitions are nested.

    Raises:
        EngineFailed: no regular expression, or one that looks around or back, in the words of TGI's model process.
        Refused: llama.cpp cannot follow it, though TGI might.
    """
    if constraint.regex:
        _check_regex(constraint.regex)
    matcher = LLMatcher(LLTokenizer("byte"), grammar(constraint), log_level=0)
    if not matcher.is_error():
        matcher.compute_bitmask()
    if error := matcher.get_error():
        reason = _WHERE.sub("", error).partition("\n")[0]
        raise invalid(f"grammar is not valid: llama.cpp cannot follow it: {reason}")


def _check_regex(regex: str) -> None:
    try:
        re.compile(regex)
    except re.error:
        raise EngineFailed("") from None
    if _LOOKS_AROUND.search(regex):
        raise EngineFailed("The vocabulary does not allow us to build a sequence that matches the input")
