"""What forces an answer into a form, as TGI's grammars: any JSON object, one of a schema, or the call of a tool. Pure.

TGI makes a regular expression of a schema, and refuses one without `properties`; so "any object" must be said as a
regular expression of our own, which has an end: values are nested `JSON_DEPTH` deep at most.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from text_generation.types import Grammar, GrammarType

from producers.events import AnswerFormat, Tool
from producers.prompts.followed import rebuilt
from producers.settings import OUTLINES
from stream_workers.inference.spelled import spelled

JSON_DEPTH: Final = 2
NO_TOOL: Final = "no_tool"
"""TGI's own name for a tool that is chosen instead of a call: the answer is then free."""

_DEFINED: Final = ("$defs", "definitions")
_REFERENCE: Final = re.compile(r"^(#/(?:\$defs|definitions)/)")
_STRING = r'"([^"\\\x00-\x1F]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
_SCALAR = rf"({_STRING}|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null)"


def of_format(form: AnswerFormat, held_by: str = OUTLINES) -> Grammar:
    """The grammar of an answer's form, for who is to hold answers to it."""
    if form.schema is None:
        return Grammar(type=GrammarType.Regex, value=_an_object(JSON_DEPTH))
    return Grammar(type=GrammarType.Json, value=spelled(form.schema, held_by))


def of_call(tools: Sequence[Tool], held_by: str = OUTLINES, *, must_call: bool) -> Grammar:
    """The grammar of one call: `{"function": {"_name": …, its arguments}}`, as TGI itself forces it."""
    forms = [_form(each) for each in tools] + ([] if must_call else [_form(Tool(NO_TOOL))])
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"function": {"anyOf": forms}},
        "required": ["function"],
    }
    for each in tools:
        for where in _DEFINED:
            for name, defined in each.parameters.get(where, {}).items():
                schema.setdefault(where, {})[f"{each.name}.{name}"] = _referring_to_own(each.name, defined)
    return Grammar(type=GrammarType.Json, value=spelled(schema, held_by))


def _form(tool: Tool) -> dict[str, Any]:
    arguments = _referring_to_own(tool.name, {"properties": tool.parameters.get("properties", {})})["properties"]
    return {
        "type": "object",
        "properties": {"_name": {"type": "string", "const": tool.name}, **arguments},
        "required": ["_name", *tool.parameters.get("required", [])],
    }


def _referring_to_own(name: str, schema: Any) -> Any:
    """The schema with its references to what this tool defines: another may define something else of the same name."""
    if not isinstance(schema, dict):
        return schema
    made = rebuilt(schema, lambda _, each: _referring_to_own(name, each))
    if isinstance(reference := schema.get("$ref"), str):
        made["$ref"] = _REFERENCE.sub(rf"\g<1>{name}.", reference)
    return made


def _an_object(depth: int) -> str:
    value = _value(depth)
    member = rf"[ ]?{_STRING}[ ]?:[ ]?{value}[ ]?"
    return rf"\{{({member}(,{member})*|[ ]?)\}}"


def _value(depth: int) -> str:
    if depth == 0:
        return _SCALAR
    inner = _value(depth - 1)
    return rf"({_SCALAR}|\[([ ]?{inner}[ ]?(,[ ]?{inner}[ ]?)*|[ ]?)\]|{_an_object(depth - 1)})"
