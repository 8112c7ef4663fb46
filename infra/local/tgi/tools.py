"""Tools as TGI does them: the answer is forced into the JSON of one call, and read back from it."""

import json
import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from infra.local.tgi.errors import tool_error
from infra.local.tgi.requests.scan import fault
from infra.local.tgi.requests.wire import ChatRequest, Function, Grammar, Tool

NO_TOOL = Tool(
    function=Function(
        name="no_tool", description="Open ended response with no specific tool selected", parameters={"type": "object"}
    )
)
_NAME = re.compile(r'"_name"\s*:\s*"([^"]+)"\s*,?\s*')


@dataclass(frozen=True)
class Call:
    """One call that the model made."""

    name: str
    arguments: str


def offered(asked: ChatRequest) -> list[Tool] | None:
    """The tools the model may choose from; None if the answer is free.

    Raises:
        Refused: the tool named by `tool_choice` is not there, or a grammar stands beside the tools.
    """
    if asked.tools is None or asked.tool_choice == "none":
        return None
    if asked.response_format is not None:
        raise tool_error("Grammar and tools are mutually exclusive")
    if asked.tool_choice in (None, "auto"):
        return [*asked.tools, NO_TOOL]
    if asked.tool_choice == "required":
        return asked.tools
    wanted = _chosen_name(asked.tool_choice)
    found = [each for each in asked.tools if each.function.name == wanted]
    if not found:
        raise tool_error(f"Tool with name {wanted} not found")
    return found


def _chosen_name(choice: Any) -> str:
    if isinstance(choice, dict):
        function = choice.get("function")
        choice = function.get("name") if isinstance(function, dict) else None
    return str(choice)


def call_grammar(tools: list[Tool]) -> Grammar:
    """The JSON schema of one call of one of these tools."""
    forms = [_form(each.function) for each in tools]
    return Grammar(
        type="json",
        value={"type": "object", "properties": {"function": {"anyOf": forms}}, "required": ["function"]},
    )


def _form(function: Function) -> dict[str, Any]:
    schema = json.loads(function.schema) if isinstance(function.schema, str) else function.schema
    schema = schema if isinstance(schema, dict) else {}
    return {
        "type": "object",
        "properties": {"_name": {"type": "string", "const": function.name}, **schema.get("properties", {})},
        "required": ["_name", *schema.get("required", [])],
        "additionalProperties": False,
    }


def call_of(text: str) -> Call | None:
    """The call in the answer; None if the model chose no tool.

    Raises:
        Refused: the answer is no call, mostly because the limit cut it.
    """
    try:
        function = json.loads(text)["function"]
        name = function.pop("_name")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        told = fault(text.encode())
        why = told.text if told else f"it names no function ({error})"
        raise tool_error(f"Failed to parse generated text: {why} {json.dumps(text, ensure_ascii=False)}") from None
    if name == NO_TOOL.function.name:
        return None
    return Call(name, json.dumps(function, separators=(",", ":"), ensure_ascii=False))


def cut_call_of(text: str) -> Call | None:
    """As much of a call as a stream has shown before it was cut; None before its name."""
    found = _NAME.search(text)
    return None if found is None else Call(found[1], "{" + text[found.end() :])


def stream_id(asked: ChatRequest) -> str:
    """The id of a streamed call: one more than the history's, or a new one if those are no numbers."""
    known = [call.id for message in asked.messages for call in message.tool_calls or []]
    if not known:
        return "0"
    if all(each.isdigit() for each in known):
        return str(max(map(int, known)) + 1)
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
