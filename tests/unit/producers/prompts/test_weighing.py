"""What a body costs those who read it is weighed before they do: together, whatever it is spread over."""

import json
from typing import Any

import pytest

from infra.errors import TooLarge, WrongField
from producers.destinations import Policy
from producers.events import AnswerCompleted, PromptSubmitted
from producers.log import codec
from producers.prompts import bodies, reading, responses
from producers.prompts.followed import Part, all_parts
from producers.prompts.reading import CHAT, RESPONSES, Envelope
from producers.settings import PromptSettings
from tests.support.builders import a_prompt

SETTINGS = PromptSettings(models=("m",))
MESSAGES = [{"role": "user", "content": "Why?"}]


def read(**body: Any) -> PromptSubmitted:
    raw, envelope = (
        json.dumps({"model": "m", "messages": MESSAGES, **body}).encode(),
        Envelope(CHAT, "j", "t", "k", 1.0),
    )
    return reading.read_prompt(raw, envelope, SETTINGS, Policy())[0]


def read_response(**body: Any) -> PromptSubmitted:
    raw, envelope = json.dumps({"model": "m", **body}).encode(), Envelope(RESPONSES, "j", "t", "k", 1.0)
    return responses.read(raw, envelope, SETTINGS, Policy())[0]


def tools(count: int, properties: dict[str, Any]) -> list[Any]:
    schema = {"type": "object", "properties": properties}
    return [{"type": "function", "function": {"name": f"f{at}", "parameters": schema}} for at in range(count)]


@pytest.mark.parametrize(
    ("each", "fitting", "told"),
    [
        ({f"p{n}": {} for n in range(63)}, 32, "parts together"),
        ({"a": {"description": "x" * 32_000}}, 4, "bytes together"),
        ({"a": {"pattern": "x" * 1024}}, 4, "patterns of a body"),
    ],
)
def test_the_schemas_of_a_body_are_weighed_together(each: dict[str, Any], fitting: int, told: str) -> None:
    assert len(read(tools=tools(fitting, each)).tools) == fitting

    with pytest.raises(WrongField, match=told) as refused:
        read(tools=tools(fitting + 1, each))
    assert refused.value.field == f"tools[{fitting}].function.parameters"


def test_those_of_a_response_are_named_as_its_body_names_them() -> None:
    given = [{"type": "function", **each["function"]} for each in tools(33, {f"p{n}": {} for n in range(63)})]

    with pytest.raises(WrongField, match="parts together") as refused:
        read_response(input="Why?", tools=given)
    assert refused.value.field == "tools[32].parameters"


def test_a_long_pattern_is_refused_by_its_path() -> None:
    with pytest.raises(WrongField, match=r"^tools\[0\].function.parameters.properties.a.pattern may have 1024"):
        read(tools=tools(1, {"a": {"pattern": "x" * 1025}}))


@pytest.mark.parametrize("text", ["[" * 99, '"[\\', '\\"[[' * 99, "{[" * 20_000, "\\"])
def test_brackets_in_texts_count_for_nothing(text: str) -> None:
    assert read(messages=[{"role": "user", "content": text}] * 70).messages[0].content == text


def deep(levels: int) -> bytes:
    return b'{"model": "m", "logit_bias": %s}' % (b"[" * levels + b"]" * levels)


def test_a_body_may_be_as_deep_as_any_other() -> None:
    assert bodies.read(bodies.PromptBody, deep(bodies.DEEPEST - 1)).logit_bias


@pytest.mark.parametrize(("levels", "field"), [(bodies.DEEPEST, "logit_bias"), (900, "logit_bias"), (5000, None)])
def test_a_deeper_body_is_refused_by_the_field_that_is(levels: int, field: str | None) -> None:
    with pytest.raises(WrongField, match="64 deep") as refused:
        bodies.read(bodies.PromptBody, deep(levels))
    assert refused.value.field == field


def test_a_body_holds_so_many_things_whatever_they_are() -> None:
    with pytest.raises(WrongField, match="16384 objects and lists"):
        read(messages=[{"role": "user", "content": [{"type": "text", "text": ""}] * 16_382}])


def test_messages_and_items_are_only_so_many() -> None:
    for field in ("messages", "input"):
        with pytest.raises(WrongField, match=f"{field} holds 2049; 2048 is the most"):
            (read if field == "messages" else read_response)(**{field: MESSAGES * 2049})


def test_reading_makes_no_record_larger_than_the_body() -> None:
    given = tools(16, {f"{n:x}": {"a": 0} for n in range(120)})

    sizes = [len(codec.encode(read(tools=tools_))) for tools_ in (given, [])]
    assert sizes[0] - sizes[1] < len(json.dumps(given))


def test_a_prompt_whose_record_leaves_no_room_for_an_answer_is_too_large() -> None:
    instructions, text = "x" * 1_000_000, "x" * 2_000_000

    assert read_response(input=text, instructions=instructions).instructions == instructions
    with pytest.raises(TooLarge):
        read_response(input=text * 2, instructions=instructions)
    previous = AnswerCompleted(job_id="j", prompt=a_prompt(), text=text * 2)
    with pytest.raises(TooLarge):
        responses.continued(a_prompt(), previous, SETTINGS)


def test_each_part_of_a_schema_is_looked_at_once() -> None:
    schema: dict[str, Any] = {"$ref": "#/$defs/D0", "$defs": {f"D{n}": {"anyOf": [{}, {}]} for n in range(100)}}

    found = list(all_parts("s", schema))

    assert len(found) == 1 + 100 * 3
    assert (found[0], found[2].path) == (Part("s", schema), "s.$defs.D0.anyOf[0]")
