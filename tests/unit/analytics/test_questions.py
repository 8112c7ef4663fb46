"""The named queries and what they can be asked for."""

import math
from datetime import UTC, datetime

import pytest

from analytics.reports.questions import plain, questions
from analytics.reports.ranges import WrongParameter, read_range

NOW_S = 1_800_000_000.0


def test_every_query_has_a_sentence_on_top() -> None:
    for question in questions().values():
        assert question.about.endswith("."), question.name
        assert question.sql.startswith("WITH asked_"), question.name


def test_without_parameters_the_last_day_is_meant() -> None:
    asked = read_range({}, now_s=NOW_S)

    assert (asked.since_s, asked.until_s, asked.bucket_s, asked.tenant) == (NOW_S - 86_400, NOW_S, 3600, "")


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"since": "1"}, "since"),
        ({"since_s": "yesterday"}, "since_s"),
        ({"since_s": "nan"}, "since_s"),
        ({"until_s": "-1"}, "until_s"),
        ({"until_s": "1e300"}, "until_s"),
        ({"since_s": "10", "until_s": "10"}, "since_s"),
        ({"bucket_s": "0"}, "bucket_s"),
        ({"bucket_s": "1", "since_s": "0"}, "bucket_s"),
        ({"limit": "0"}, "limit"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_by_name(given: dict[str, str], param: str) -> None:
    with pytest.raises(WrongParameter) as raised:
        read_range(given, now_s=NOW_S)

    assert raised.value.param == param


def test_values_are_shown_as_json_has_them() -> None:
    assert plain(datetime(2026, 1, 1, tzinfo=UTC)) == 1_767_225_600.0
    assert plain(math.nan) is None
    assert plain("x") == "x"
