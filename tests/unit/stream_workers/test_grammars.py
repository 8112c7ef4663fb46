"""The forms that an answer is forced into, and the call that is read out of one."""

import json
import re
from typing import Any

import pytest

from producers.events import AnswerFormat, Tool, ToolCall
from stream_workers.inference import calls, grammars

WEATHER = Tool(
    "weather", "Of a city", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
)


@pytest.mark.parametrize(
    "value",
    [
        {}, {"a": 1}, {"a": "b", "c": None}, {"a": [1, 2.5, "x"]}, {"a": {"b": [True, False]}}, {"a": [{"b": -1e9}]},
        {"quoted \"text\"": "line\nbreak \u00e9 \u20ac"}, {"a": [], "b": {}},
    ],
)  # fmt: skip
def test_any_object_is_one_whose_values_are_nested_two_deep(value: Any) -> None:
    grammar = grammars.of_format(AnswerFormat())

    for written in (json.dumps(value), json.dumps(value, separators=(",", ":"))):
        assert re.fullmatch(str(grammar.value), written), written


@pytest.mark.parametrize(
    "text", ["", "1", "[]", "{", "{a:1}", '{"a":}', '{"a":1,}', '{"a":01}', '{"a":"\n"}', '{"a":[[[1]]]}', '{"a":1}}']
)
def test_what_is_no_object_is_none(text: str) -> None:
    assert re.fullmatch(str(grammars.of_format(AnswerFormat()).value), text) is None


def test_a_schema_is_sent_as_it_came() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}

    assert grammars.of_format(AnswerFormat(schema)).value == schema


def test_a_call_is_one_of_the_tools_or_none_of_them() -> None:
    free, forced = (grammars.of_call([WEATHER], must_call=must_call).value for must_call in (False, True))

    assert _names(free) == ["weather", "no_tool"]
    assert _names(forced) == ["weather"]


def test_what_the_schemas_refer_to_comes_with_them() -> None:
    tool = Tool("at", None, {"properties": {"p": {"$ref": "#/$defs/Place"}}, "$defs": {"Place": {"type": "string"}}})

    other = Tool("of", None, {"properties": {"p": {"$ref": "#/$defs/Place"}}, "$defs": {"Place": {"type": "null"}}})

    schema: Any = grammars.of_call([tool, other], must_call=True).value
    assert schema["$defs"] == {"at.Place": {"type": "string"}, "of.Place": {"type": "null"}}
    forms = schema["properties"]["function"]["anyOf"]
    assert [each["properties"]["p"]["$ref"] for each in forms] == ["#/$defs/at.Place", "#/$defs/of.Place"]


def test_a_call_is_read_with_an_id_that_another_attempt_gives_it_too() -> None:
    text = '{"function":{"_name":"weather","city":"Zürich"}}'
    call = calls.read(text, "job_1", 0)

    assert call == calls.read(text, "job_1", 0)
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("weather", '{"city":"Zürich"}')
    assert call.id.startswith("call_")
    assert call != calls.read(text, "job_1", 1)


def test_no_tool_is_no_call() -> None:
    assert calls.read('{"function":{"_name":"no_tool"}}', "job_1", 0) is None


@pytest.mark.parametrize("text", ["", '{"function":{"_name":"wea', "[]", '{"function":1}', '{"function":{}}', "null"])
def test_what_was_cut_is_no_call(text: str) -> None:
    with pytest.raises(ValueError, match="no whole call"):
        calls.read(text, "job_1", 0)


def _names(schema: Any) -> list[str]:
    return [form["properties"]["_name"]["const"] for form in schema["properties"]["function"]["anyOf"]]
