"""What a program says by keywords, as the body of a job."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.errors import WrongField
from producers.prompts.saying import body_of


def test_what_is_said_becomes_a_body_and_what_is_none_is_left_out() -> None:
    body = json.loads(
        body_of(
            {
                "input": "Why?",
                "model": "m",
                "webhook": "https://example.com",
                "deadline": timedelta(minutes=2),
                "stop": ("a",),
                "seed": None,
            }
        )
    )

    assert body == {
        "input": "Why?",
        "model": "m",
        "webhook": {"url": "https://example.com"},
        "deadline": 120.0,
        "stop": ["a"],
    }
    assert json.loads(body_of({"deadline": datetime(2030, 1, 31, tzinfo=UTC)})) == {
        "deadline": "2030-01-31T00:00:00+00:00"
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", float("nan")), ("deadline", float("inf")), ("input", "\ud800"), ("metadata", {"a": object()})],
)
def test_what_json_cannot_say_is_refused_by_its_name_and_not_passed_over(name: str, value: Any) -> None:
    with pytest.raises(WrongField) as refused:
        body_of({"model": "m", name: value})

    assert refused.value.field == name
