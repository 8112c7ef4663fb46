"""Request headers: what they mean, and what is refused in them."""

import pytest

from gateway import headers
from gateway.problems import Problem


def test_an_idempotency_key_may_be_quoted_or_not() -> None:
    assert headers.idempotency_key({}) is None
    assert headers.idempotency_key({"Idempotency-Key": '"8e03-97"'}) == "8e03-97"
    assert headers.idempotency_key({"Idempotency-Key": "8e03-97"}) == "8e03-97"
    assert headers.idempotency_key({"Idempotency-Key": r'"a\"b\\c"'}) == r"a\"b\c".replace(r"\"", '"')


@pytest.mark.parametrize("key", ["", " ", '""', '"', '"open', "x" * 256, "é", "a\tb"])
def test_a_wrong_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(Problem):
        headers.idempotency_key({"Idempotency-Key": key})


def test_only_a_bearer_key_is_a_key() -> None:
    assert headers.bearer({"Authorization": "Bearer abc"}) == "abc"
    assert headers.bearer({"Authorization": "bearer  abc "}) == "abc"
    assert headers.bearer({"Authorization": "Basic abc"}) is None
    assert headers.bearer({"Authorization": "Bearer"}) is None
    assert headers.bearer({}) is None


@pytest.mark.parametrize(("given", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("45", 45)])
def test_cancel_after_is_a_period(given: str, seconds: int) -> None:
    assert headers.cancel_after_s({"Cancel-After": given}) == seconds


@pytest.mark.parametrize("given", ["", "0s", "-1s", "1d", "s", "9" * 12])
def test_what_is_no_period_is_refused(given: str) -> None:
    with pytest.raises(Problem):
        headers.cancel_after_s({"Cancel-After": given})


def test_preferences_are_read_and_what_is_not_understood_is_passed_over() -> None:
    assert headers.wait_s({"Prefer": "wait=10"}) == 10
    assert headers.wait_s({"Prefer": "respond-async, wait=100"}) == 60
    assert headers.wait_s({"Prefer": "wait=soon"}) == 0
    assert headers.wait_s({}) == 0
    assert "respond-async" in headers.preferences({"Prefer": "Respond-Async; foo=1, wait=3"})


def test_the_last_event_id_is_a_number_of_ours_or_nothing() -> None:
    assert headers.last_event_id({"Last-Event-ID": "12"}) == 12
    assert [headers.last_event_id(each) for each in ({}, {"Last-Event-ID": ""})] == [0, 0]
    assert {headers.last_event_id({"Last-Event-ID": each}) for each in ("x", "-1", "1.5", "٣", "9" * 30)} == {None}


def test_a_sane_request_name_is_kept() -> None:
    assert headers.request_id({"x-request-id": "a.B-1_2:3"}) == "a.B-1_2:3"
    assert [headers.request_id({"x-request-id": each}) for each in ("", "a b", "x" * 129, "a\nb")] == [None] * 4


def test_json_is_json_in_utf8_only() -> None:
    assert headers.is_json("application/json", None)
    assert headers.is_json("application/json", "UTF-8")
    assert not headers.is_json("application/json", "latin-1")
    assert not headers.is_json("text/plain", None)
