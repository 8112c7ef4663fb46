"""Tools: which are offered, what grammar they make, and how a call is read back."""

from typing import Any

import pytest

from infra.local.tgi.errors import TgiRefusal
from infra.local.tgi.requests.wire import ChatRequest, Function, FunctionCall, Message, Tool, ToolCall
from infra.local.tgi.tools import Call, call_grammar, call_of, cut_call_of, offered, stream_id

WEATHER = Tool(function=Function(name="weather", parameters={"properties": {"city": {"type": "string"}}}))


def asked(choice: Any = None, *ids: str) -> ChatRequest:
    calls = [ToolCall(id=each, function=FunctionCall(name="weather")) for each in ids]
    messages = [Message(role="assistant", tool_calls=calls)] if calls else []
    return ChatRequest(messages=messages, tools=[WEATHER], tool_choice=choice)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ["weather", "no_tool"]),
        ("auto", ["weather", "no_tool"]),
        ("required", ["weather"]),
        ("weather", ["weather"]),
        ({"type": "function", "function": {"name": "weather"}}, ["weather"]),
    ],
)
def test_the_choice_tells_which_tools_are_offered(choice: Any, names: list[str]) -> None:
    tools = offered(asked(choice))
    assert tools is not None
    assert [each.function.name for each in tools] == names


def test_no_tools_are_offered_when_none_are_wanted() -> None:
    assert offered(asked("none")) is None


@pytest.mark.parametrize("choice", ["other", {"function": {"name": "other"}}, {"function": 5}, 5])
def test_a_tool_that_is_not_there_is_refused(choice: Any) -> None:
    with pytest.raises(TgiRefusal, match="Tool error: Tool with name") as refused:
        offered(asked(choice))
    assert refused.value.error_type == "tool_error"


def test_the_grammar_names_the_tool_before_its_arguments() -> None:
    form = call_grammar([WEATHER]).value["properties"]["function"]["anyOf"][0]
    assert list(form["properties"]) == ["_name", "city"]


def test_a_call_is_read_back() -> None:
    assert call_of('{"function":{"_name":"weather","city":"Rome"}}') == Call("weather", '{"city":"Rome"}')
    assert call_of('{"function":{"_name":"no_tool"}}') is None
    for text in ("oops", '{"function":{"_na', "{}", '{"function": 5}'):
        with pytest.raises(TgiRefusal, match="Failed to parse generated text"):
            call_of(text)


def test_a_cut_call_shows_what_there_was_after_its_name() -> None:
    assert cut_call_of('{"function":{"_na') is None
    assert cut_call_of('{"function":{"_name":"weather","city":"Ro') == Call("weather", '{"city":"Ro')


def test_the_id_of_a_streamed_call_counts_on() -> None:
    assert stream_id(asked()) == "0"
    assert stream_id(asked(None, "3", "1")) == "4"
    assert len(stream_id(asked(None, "call_x"))) == 36
