"""Under `strict: true` a keyword that answers may break is refused by its path, and no other."""

from typing import Any

import pytest

from infra.errors import WrongField
from producers.prompts import schemas
from producers.prompts.bodies import FormatBody, PromptBody, SchemaBody
from producers.settings import OUTLINES

WHERE = "response_format.json_schema.schema"
N: dict[str, Any] = {"type": "integer"}
TEXT: dict[str, Any] = {"type": "string"}
NULL: dict[str, Any] = {"type": "null"}


def refused(schema: dict[str, Any], grammars: str = OUTLINES, *, strict: bool | None = True) -> str | None:
    """The field that is refused, if any."""
    form = FormatBody(type="json_schema", json_schema=SchemaBody(name="s", schema=schema, strict=strict))
    try:
        schemas.answer_format(PromptBody(model="m", response_format=form), grammars)
    except WrongField as error:
        return (error.field or "").removeprefix(WHERE)
    return None


def of_a(part: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}, "$defs": {"N": N}, **more}


@pytest.mark.parametrize(
    ("part", "keyword"),
    [
        ({**N, "minimum": 5}, "minimum"),
        ({**N, "maximum": 5}, "maximum"),
        ({"type": "number", "exclusiveMinimum": 0.5}, "exclusiveMinimum"),
        ({"exclusiveMaximum": 5}, "exclusiveMaximum"),
        ({**N, "multipleOf": 5}, "multipleOf"),
        ({"type": ["integer", "null"], "minimum": 5}, "minimum"),
        ({**TEXT, "maxLength": 3, "pattern": "^a+$"}, "pattern"),
        ({**TEXT, "pattern": "^.*$"}, "pattern"),
        ({"pattern": "[^x]"}, "pattern"),
        ({**TEXT, "minLength": 3, "format": "date"}, "format"),
        ({**TEXT, "pattern": "^a+$", "format": "date"}, "format"),
        ({"type": "array", "prefixItems": [N], "items": N, "minItems": 2}, "minItems"),
        ({"type": "array", "prefixItems": [N, N], "maxItems": 1}, "maxItems"),
        ({"type": "string", "prefixItems": [N]}, "type"),
        ({"type": "object", "additionalProperties": N, "minProperties": 2}, "minProperties"),
        ({"type": "object", "additionalProperties": N, "maxProperties": 1}, "maxProperties"),
        ({"type": "object", "required": ["x"]}, "required"),
        ({"type": "object", "properties": {"x": N}, "minProperties": 1}, "minProperties"),
        ({"type": "object", "properties": {"x": N}, "maxProperties": 1}, "maxProperties"),
        ({"type": "object", "properties": {"x": N}, "additionalProperties": True, "required": ["y"]}, "required"),
        ({"type": "object", "properties": {"x": N}, "anyOf": [{"required": ["x"]}]}, "anyOf"),
        ({"enum": ["x", 1], "type": "string"}, "type"),
        ({"enum": [True], "type": "integer"}, "type"),
        ({"enum": [1, 9], "minimum": 5}, "minimum"),
        ({"const": 1, "type": "string"}, "type"),
        ({"enum": [1, 9], "const": 1}, "const"),
        ({"anyOf": [N, NULL], "type": "null"}, "type"),
        ({"anyOf": [N, NULL], "enum": [1]}, "enum"),
        ({"oneOf": [N, {"type": "number"}]}, "oneOf"),
        ({"$ref": "#/$defs/N", "minimum": 4}, "minimum"),
        ({"minItems": "x", "type": "array", "prefixItems": [N]}, "minItems"),
    ],
)
def test_what_an_answer_may_break_is_refused_under_strict_by_its_path(part: dict[str, Any], keyword: str) -> None:
    assert refused(of_a(part)) == f".properties.a.{keyword}"
    assert refused(of_a(part), strict=False) is None
    assert refused(of_a(part), strict=None) is None
    assert refused(of_a(part), "llguidance") is None


@pytest.mark.parametrize(
    "part",
    [
        {}, True, N, {"description": "Whatever", "default": 1, "examples": [2], "title": "A"}, {**N, "minLength": 3},
        {**TEXT, "minLength": 1, "maxLength": 3}, {**TEXT, "pattern": "^a+|b$"}, {**TEXT, "format": "date"},
        {"type": ["string", "null"], "maxLength": 3}, {"anyOf": [{**TEXT, "maxLength": 3}, NULL]},
        {"type": "array", "items": N, "minItems": 1, "maxItems": 3}, {"type": "array", "items": {"enum": [1]}},
        {"type": "array", "prefixItems": [N, TEXT], "items": False, "minItems": 2, "maxItems": 2},
        {"type": "object", "properties": {"minimum": N, "type": TEXT}, "required": ["type"]},
        {"type": "object", "properties": {"x": N}, "additionalProperties": False, "minProperties": 0},
        {"type": "object", "additionalProperties": N, "minProperties": 1, "required": []},
        {"type": "object", "maxProperties": 0}, {"type": "string", "enum": ["a"]}, {"type": "boolean", "const": True},
        {"type": ["integer", "null"], "enum": [1, None]}, {"type": "number", "enum": [1, 1.5]},
        {"$ref": "#/$defs/N", "description": "A number"}, {"enum": [{"minimum": 3}]},
    ],
)  # fmt: skip
def test_what_answers_always_follow_is_taken_under_strict(part: Any) -> None:
    assert refused(of_a(part)) is None


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (of_a({"type": "array", "items": {**N, "minimum": 0}}), ".properties.a.items.minimum"),
        (of_a({"anyOf": [NULL, {**N, "maximum": 0}]}), ".properties.a.anyOf[1].maximum"),
        (of_a({"additionalProperties": {"minimum": 0}}), ".properties.a.additionalProperties.minimum"),
        (of_a({"allOf": [{**N, "minimum": 0}]}), ".properties.a.minimum"),
        (of_a({"$ref": "#/$defs/N"}, **{"$defs": {"N": {**N, "minimum": 0}}}), ".$defs.N.minimum"),
        (of_a(N, minProperties=1), ".minProperties"),
    ],
)  # fmt: skip
def test_the_path_leads_to_wherever_it_stands(schema: dict[str, Any], path: str) -> None:
    assert refused(schema) == path


def test_arguments_of_a_strict_function_are_held_to_the_same() -> None:
    schema = {"properties": {"a": {**N, "minimum": 0}}}

    with pytest.raises(WrongField) as caught:
        schemas.parameters("tools[0].function.parameters", schema, OUTLINES, strict=True)
    assert caught.value.field == "tools[0].function.parameters.properties.a.minimum"
    assert schemas.parameters("p", schema, OUTLINES, strict=False) == schema
