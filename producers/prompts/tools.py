"""The tools that a body offers, and the calls and results that its messages bring back. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from infra.errors import WrongField
from producers.events import Message, Tool, ToolCall
from producers.prompts import schemas, weighing
from producers.prompts.bodies import AllowedTools, MessageBody, NameBody, NamedTool, PromptBody, ToolBody, ToolCallBody

MOST_TOOLS: Final = 128
MOST_CALLS: Final = 32
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
CHOICES: Final = ("none", "auto", "required")


def offered(asked: PromptBody, grammars: str) -> tuple[tuple[Tool, ...], bool]:
    """The tools that the model may call, and whether it must; none where the body says so.

    Raises:
        WrongField: names it.
    """
    weighing.refuse_too_many("tools", asked.tools, MOST_TOOLS)
    given = [_tool(f"tools[{at}]", tool, grammars) for at, tool in enumerate(asked.tools or ())]
    tools = {each.name: each for each in given}
    if len(tools) < len(given):
        raise WrongField("tools: two functions have one name.", "tools")
    match asked.tool_choice:
        case "auto" if not tools:
            raise WrongField("tool_choice is for a body that has tools.", "tool_choice")
        case None | "auto":
            return tuple(tools.values()), False
        case "none":
            return (), False
        case "required" if tools:
            return tuple(tools.values()), True
        case NamedTool(type="function", function=NameBody(name=name)) if name in tools:
            return (tools[name],), True
        case NamedTool(type="allowed_tools", allowed_tools=AllowedTools() as allowed):
            return _allowed(tools, allowed), allowed.mode == "required"
        case NamedTool(type="function", function=NameBody()) | "required":
            raise WrongField("tool_choice: tools holds no such function.", "tool_choice")
        case _:
            message = f"tool_choice must be one of {', '.join(CHOICES)}, or name a function."
            raise WrongField(message, "tool_choice")


def _allowed(tools: Mapping[str, Tool], allowed: AllowedTools) -> tuple[Tool, ...]:
    where = "tool_choice.allowed_tools"
    if allowed.mode not in {"auto", "required"}:
        raise WrongField(f"{where}.mode must be auto or required.", f"{where}.mode")
    names = {each.function.name for each in allowed.tools}
    if not names or any(each.type != "function" for each in allowed.tools) or names - tools.keys():
        raise WrongField(f"{where}.tools must name functions that tools holds.", f"{where}.tools")
    return tuple(tool for name, tool in tools.items() if name in names)


def _tool(where: str, tool: ToolBody, grammars: str) -> Tool:
    if tool.type != "function":
        raise WrongField(f"{where}.type: only functions can be called here.", f"{where}.type")
    name = named(f"{where}.function.name", tool.function.name)
    schema, strict = tool.function.parameters or {}, bool(tool.function.strict)
    parameters = schemas.parameters(f"{where}.function.parameters", schema, grammars, strict=strict)
    return Tool(name, tool.function.description, parameters)


def calls(where: str, message: MessageBody) -> tuple[ToolCall, ...]:
    """The calls of an answer that is sent back to us.

    Raises:
        WrongField: names what is wrong in it.
    """
    given = message.tool_calls or ()
    if given and message.role != "assistant":
        raise WrongField(f"{where}.tool_calls: only the assistant calls tools.", f"{where}.tool_calls")
    if len(given) > MOST_CALLS:
        raise WrongField(f"{where}.tool_calls holds more than {MOST_CALLS}.", f"{where}.tool_calls")
    return tuple(_call(f"{where}.tool_calls[{at}]", each) for at, each in enumerate(given))


def _call(where: str, call: ToolCallBody) -> ToolCall:
    if call.type != "function":
        raise WrongField(f"{where}.type: only functions can be called here.", f"{where}.type")
    named(f"{where}.function.name", call.function.name)
    return ToolCall(call.id, call.function.name, call.function.arguments)


def check_results(messages: Sequence[Message], *, follows: bool) -> None:
    """Every result belongs to a call before it; of a turn that `follows` others, those are not known here.

    Raises:
        WrongField: names the message.
    """
    known: set[str] = set()
    for at, each in enumerate(messages):
        where = f"messages[{at}].tool_call_id"
        if each.role != "tool":
            if each.tool_call_id is not None:
                raise WrongField(f"{where}: only a message of the role tool answers a call.", where)
        elif not each.tool_call_id or (each.tool_call_id not in known and not follows):
            raise WrongField(f"{where} must be the id of a call in a message of the assistant before it.", where)
        known.update(call.id for call in each.tool_calls)


def named(where: str, name: str) -> str:
    """A function's name.

    Raises:
        WrongField: it cannot be one.
    """
    if _NAME.fullmatch(name) is None:
        raise WrongField(f"{where} must have 1 to 64 letters, digits, '_' or '-'.", where)
    return name
