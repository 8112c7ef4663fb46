"""Schemas in the words of TGI's grammars: single types, and nothing that says nothing."""

from typing import Any

import pytest

from stream_workers.inference.spelled import spelled

N: dict[str, Any] = {"type": "integer"}
NULL: dict[str, Any] = {"type": "null"}
ANY: dict[str, Any] = {"anyOf": [{"type": each} for each in ("string", "number", "boolean", "null", "array", "object")]}


def of_a(part: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}, **more}


@pytest.mark.parametrize(
    ("part", "made"),
    [
        ({}, ANY),
        ({"type": ["integer"]}, {"anyOf": [N]}),
        (
            {"type": ["string", "null"], "maxLength": 3, "description": "A name"},
            {"anyOf": [{"type": "string", "maxLength": 3}, NULL], "description": "A name"},
        ),
        (
            {"type": ["object", "null"], "properties": {"b": {}}, "required": ["b"], "minimum": 3},
            {"anyOf": [{"type": "object", "properties": {"b": ANY}, "required": ["b"]}, NULL]},
        ),
        (
            {"type": ["integer", "string"], "minimum": 3, "pattern": "x"},
            {"anyOf": [{**N, "minimum": 3}, {"type": "string", "pattern": "(?:x)"}]},
        ),
        ({"type": "array", "items": {}}, {"type": "array", "items": ANY}),
        ({"type": "array", "prefixItems": [{}, N]}, {"type": "array", "prefixItems": [ANY, N]}),
        ({"anyOf": [{"type": ["integer", "null"]}, {}]}, {"anyOf": [{"anyOf": [N, NULL]}, ANY]}),
        ({"type": "object", "additionalProperties": {}}, {"type": "object", "additionalProperties": ANY}),
        (of_a(N, **{"properties": {"enum": {}, "type": N}}), of_a(N, **{"properties": {"enum": ANY, "type": N}})),
    ],
)  # fmt: skip
def test_a_list_of_types_is_a_choice_between_them_and_nothing_said_is_one_between_all(part: Any, made: Any) -> None:
    assert spelled(of_a(part)) == of_a(made)


@pytest.mark.parametrize(
    "schema",
    [
        of_a(N, required=["a"]), of_a({"enum": [{}, None]}), of_a({"type": ["integer", "null"], "enum": [1, None]}),
        of_a({"const": {"type": ["x"]}}), of_a({**N, "default": {}}), of_a(False),
        of_a({"type": ["integer", "null"]}, **{"$defs": {"X": {"$ref": "#/properties/a"}}}),
        of_a({}, **{"properties": {}}),
    ],
)  # fmt: skip
def test_what_is_plain_or_referred_to_within_stays_as_it_is(schema: dict[str, Any]) -> None:
    assert spelled(schema) == schema


@pytest.mark.parametrize(
    ("part", "types"),
    [
        ({"properties": {"b": N}, "required": ["b"]}, "object"),
        ({"required": ["b"]}, "object"),
        ({"additionalProperties": N}, "object"),
        ({"items": N}, "array"),
        ({"maxLength": 3}, "string"),
        ({"minimum": 3}, "number"),
    ],
)
def test_the_type_that_is_meant_is_said(part: dict[str, Any], types: Any) -> None:
    assert spelled({"properties": {"a": part}}) == of_a({"type": types, **part})


def test_what_only_describes_may_be_anything() -> None:
    assert spelled(of_a({"description": "Whatever"})) == of_a({**ANY, "description": "Whatever"})
    both = {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "number", "minimum": 3}]}
    assert spelled(of_a({"minimum": 3, "maxLength": 1})) == of_a(both)


def test_a_pattern_stands_between_quotes_in_brackets_or_not_at_all_where_outlines_holds_it() -> None:
    schema = of_a({"type": "string", "pattern": "^a|b$"}, **{"$defs": {"X": {"type": "string", "pattern": ".*"}}})

    made = of_a({"type": "string", "pattern": "(?:a|b)"}, **{"$defs": {"X": {"type": "string"}}})
    assert spelled(schema) == made
    assert spelled(schema, "llguidance") == schema


def test_what_is_defined_is_spelled_out_under_its_name() -> None:
    schema = of_a({"$ref": "#/$defs/X"}, **{"$defs": {"X": {"type": ["integer", "null"]}}})

    assert spelled(schema) == of_a({"$ref": "#/$defs/X"}, **{"$defs": {"X": {"anyOf": [N, NULL]}}})
