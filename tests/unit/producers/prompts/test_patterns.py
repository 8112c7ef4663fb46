"""Patterns between the quotes of JSON: only those that cannot leave them, and all of them as one."""

import json
import re

import pytest

from producers.prompts import patterns

TEXTS = ("", "a", "b", "ab", "ba", "xay", "7", "a7", 'a"b', "a\\b", "a\nb", "Zürich", "x@y.com")


@pytest.mark.parametrize(
    "pattern",
    ["a|b", "^a|b$", "^a", "b$", r"^\d$", r"[a-z]+@[a-z]+\.com", r"^[\wü]{1,6}$", "(a|b)?", "^$", "^", "", "(?:a|b)+?"],
)
def test_what_fits_between_quotes_is_json_and_fits_the_pattern(pattern: str) -> None:
    made = patterns.between_quotes(pattern)

    assert made is not None
    texts = [json.loads(f'"{text}"') for text in TEXTS if re.fullmatch(f'"{made}"', f'"{text}"')]
    assert texts
    assert all(re.search(pattern, text) for text in texts)


@pytest.mark.parametrize(
    "pattern",
    [
        ".*", r"\S+", "[^x]", "[^xy]", r"\W", r"\D", r"\s", '"', r"\"", r"\\", r"\n", "[ -~]", r"[\\]", r"\x22",
        "^a$|^b$", "a^b", r"\ba", "(?=a)b", r"(a)\1", "(?>.)", "(?i)a", "(?x)a # b", "(?s:a)", "(?P<n>a)", "(?#c)a",
        "[[^a]]", "[a[^b]]", "[a&&b]", "(a|.)", "(?:a|[^b])*", "(", "^a\\$$$",
    ],
)  # fmt: skip
def test_what_may_leave_the_quotes_or_is_read_in_another_way_by_grammars_has_no_place_there(pattern: str) -> None:
    assert patterns.between_quotes(pattern) is None


def test_a_dollar_that_is_meant_is_no_anchor() -> None:
    assert patterns.between_quotes(r"^\d+\$") == r'(?:\d+\$)[^"\\\x00-\x1f]*'


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}", 5, None, ["a"], "(?P<n", "a{99999999999999999999}"])
def test_what_is_no_regular_expression_cannot_be_read(pattern: object) -> None:
    assert not patterns.can_be_read(pattern)
