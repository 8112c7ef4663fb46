"""Schemas as grammars can follow them: what is left open is said, what nobody follows is refused by its place."""

from typing import Any

import pytest

from infra.errors import WrongField
from producers.prompts import schemas
from producers.prompts.bodies import FormatBody, PromptBody, SchemaBody
from producers.settings import OUTLINES

WHERE = "response_format.json_schema.schema"
NODE = {"type": "object", "properties": {"n": {"$ref": "#/$defs/Node"}}, "required": ["n"]}


def answer(schema: dict[str, Any]) -> Any:
    form = FormatBody(type="json_schema", json_schema=SchemaBody(name="s", schema=schema))
    read = schemas.answer_format(PromptBody(model="m", response_format=form), OUTLINES)
    assert read is not None
    return read.schema


def of_a(part: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}, **more}


@pytest.mark.parametrize(
    "part",
    [
        {}, {"properties": {"b": {}}, "required": ["b"]}, {"maxLength": 3}, {"description": "Whatever"},
        {"enum": [1, {"not": 1}]}, {"const": {"if": 1}}, {"$ref": "#/$defs/X"}, {"type": "string", "x-unknown": 1},
        {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": ["string", "null"]},
        {"type": "object", "properties": {"not": {"type": "string"}, "pattern": {"type": "string"}}},
    ],
)  # fmt: skip
def test_what_says_enough_stays_as_it_is(part: Any) -> None:
    schema = of_a(part, **{"$defs": {"X": {"type": "integer"}}})

    assert answer(schema) == schema


def test_what_says_nothing_is_left_out_or_unwrapped() -> None:
    wrapped = {"allOf": [{"$ref": "#/$defs/X"}], "description": "An X"}
    made = answer(of_a(wrapped, **{"$defs": {"X": True, "Y": {"type": "array", "uniqueItems": False}}}))

    assert made["properties"]["a"] == {"$ref": "#/$defs/X", "description": "An X"}
    assert made["$defs"] == {"X": {}, "Y": {"type": "array"}}


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ({"not": {}}, ".not"),
        ({"if": {}, "then": {}}, ".if"),
        ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, ".allOf"),
        ({"allOf": [{"type": "integer"}], "type": "number"}, ".allOf"),
        ({"type": "object", "patternProperties": {"^a": {}}}, ".patternProperties"),
        ({"type": "array", "items": {"type": "array", "uniqueItems": True}}, ".items.uniqueItems"),
        ({"anyOf": [{"type": "null"}, {"contains": {}}]}, ".anyOf[1].contains"),
        ({"dependentRequired": {"a": ["b"]}}, ".dependentRequired"),
        ({"unevaluatedProperties": False}, ".unevaluatedProperties"),
        ({"type": "integr"}, ".type"),
        ({"type": []}, ".type"),
        ({"type": "string", "pattern": "("}, ".pattern"),
        ({"type": "string", "pattern": 5}, ".pattern"),
        ({"anyOf": []}, ".anyOf"),
        ({"enum": "x"}, ".enum"),
        ({"properties": {"b": {}}, "required": ["c"]}, ".required"),
        ({"properties": {"b": {}}, "required": "b"}, ".required"),
        ({"properties": []}, ".properties"),
        ({"$ref": "#/$defs/Y"}, ".$ref"),
        ({"$ref": "https://example.com/schema"}, ".$ref"),
        ({"$ref": "#anchor"}, ".$ref"),
        ({"$ref": 5}, ".$ref"),
        ({"$ref": ["x"]}, ".$ref"),
        ({"$ref": {}}, ".$ref"),
        ({"$ref": "#/properties/a/default", "default": {"anyOf": 5}}, ".$ref"),
        (5, " must be a schema"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_place(part: Any, place: str) -> None:
    with pytest.raises(WrongField) as caught:
        answer(of_a(part))

    assert caught.value.field == WHERE
    assert str(caught.value).startswith(f"{WHERE}.properties.a{place}")


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (of_a({"$ref": "#"}, required=["a"]), ".properties.a"),
        (of_a({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": NODE}}), ".properties.a"),
        (of_a({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": {"properties": NODE["properties"], "required": ["n"]}}}),
         ".properties.a"),
        (of_a({}, **{"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}), ".$defs.A"),
        (of_a({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, required=["a"]), ".properties.a.items"),
        (of_a({"anyOf": [{"$ref": "#"}, {"type": "array", "prefixItems": [{"$ref": "#"}], "minItems": 1}]},
              required=["a"]), ".properties.a.anyOf[0]"),
    ],
)  # fmt: skip
def test_what_must_hold_itself_again_is_refused_with_its_place(schema: dict[str, Any], place: str) -> None:
    with pytest.raises(WrongField, match="nothing finite fits") as caught:
        answer(schema)

    assert str(caught.value).startswith(f"{WHERE}{place} ")


@pytest.mark.parametrize(
    "part",
    [
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, {"type": "array", "items": {"$ref": "#"}},
        {"type": ["object", "null"], "properties": {"b": {"$ref": "#"}}, "required": ["b"]},
        {"type": "object", "properties": {"b": {"$ref": "#"}}},
    ],
)  # fmt: skip
def test_what_may_hold_itself_again_is_taken(part: dict[str, Any]) -> None:
    assert answer(of_a(part, required=["a"]))["properties"]["a"] == part


def test_what_must_hold_itself_again_is_found_through_any_number_of_references() -> None:
    names = {f"D{n}": {"type": "array", "items": {"$ref": f"#/$defs/D{n + 1}"}, "minItems": 1} for n in range(900)}

    answer(of_a({}, **{"$defs": {**names, "D900": {}}}))
    with pytest.raises(WrongField, match="nothing finite fits"):
        answer(of_a({}, **{"$defs": {**names, "D900": {"$ref": "#/$defs/D0"}}}))


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"anyOf": [{"type": "object"}]}, ".anyOf"),
        ({"$ref": "#/$defs/X", "$defs": {"X": {"type": "object"}}}, ".$ref"),
        ({"properties": {"_name": {}}}, ".properties._name"),
        ({"properties": {"a": {"$ref": "#"}}}, ".properties.a.$ref"),
        ({"properties": {"a": {"not": {}}}}, ".properties.a.not"),
    ],
)
def test_arguments_are_held_to_the_same_and_to_what_a_call_can_be(schema: dict[str, Any], place: str) -> None:
    with pytest.raises(WrongField) as caught:
        schemas.parameters("p", schema, OUTLINES, strict=False)

    assert (caught.value.field, str(caught.value).startswith(f"p{place}")) == ("p", True)


def test_arguments_are_an_object() -> None:
    schema = {"properties": {"a": {"type": "integer"}}}

    assert schemas.parameters("p", schema, OUTLINES, strict=True) == schema
    assert schemas.parameters("p", {}, OUTLINES, strict=True) == {}
