"""Constraints become grammars, or are refused before anything is generated."""

from typing import Any

import pytest

from infra.local.tgi.engine import Constraint
from infra.local.tgi.errors import EngineFailed, TgiRefusal
from infra.local.tgi.grammar import check, grammar


@pytest.mark.parametrize("regex", ["[0-9", "(?=a)b", "(?<!a)b", r"(a)\1", "(?P<x>a)(?P=x)"])
def test_a_regular_expression_that_tgi_cannot_follow_fails_as_there(regex: str) -> None:
    with pytest.raises(EngineFailed):
        check(Constraint(regex=regex))


@pytest.mark.parametrize("regex", [r"\bword", r"a\Z", r"a(?#why)b"])
def test_a_regular_expression_that_only_we_cannot_follow_is_a_wrong_value(regex: str) -> None:
    with pytest.raises(TgiRefusal, match="grammar is not valid: llama") as refused:
        check(Constraint(regex=regex))
    assert (refused.value.status, refused.value.error_type) == (422, "validation")


@pytest.mark.parametrize("regex", [r"a/b", r"a\/b", r"\\/", r"\d{4}-\d\d", "(?P<year>[0-9]+)", "é|🐋"])
def test_other_regular_expressions_are_followed(regex: str) -> None:
    check(Constraint(regex=regex))


def test_slashes_in_a_regular_expression_do_not_end_it() -> None:
    assert grammar(Constraint(regex="a/b")).endswith(r"start: /a\/b/")


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"type": "array", "uniqueItems": True}, 'Unimplemented keys: ["uniqueItems"]'),
        ({"not": {"type": "string"}}, 'Unimplemented keys: ["not"]'),
        ({"type": "string", "format": "colour"}, "Unknown format: colour"),
        ({"type": "string", "pattern": "(?=a)"}, "regex parse error"),
        ({"$ref": "http://elsewhere/schema"}, "is not present"),
        (5, "schema must be an object or boolean"),
    ],
)
def test_a_schema_that_cannot_be_followed_is_refused_with_the_reason(part: Any, why: str) -> None:
    with pytest.raises(TgiRefusal, match="grammar is not valid: llama") as refused:
        check(Constraint(schema={"type": "object", "properties": {"a": part}}))
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_schema_may_name_its_parts() -> None:
    part = {"$ref": "#/$defs/place"}
    check(Constraint(schema={"properties": {"a": part}, "$defs": {"place": {"type": "integer"}}}))


def test_objects_are_closed_unless_the_schema_opens_them() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": True}
    text = grammar(Constraint(schema={"type": "object", "properties": {"a": inner}}))
    assert text.count('"additionalProperties": false') == 1
    assert text.count('"additionalProperties": true') == 1
