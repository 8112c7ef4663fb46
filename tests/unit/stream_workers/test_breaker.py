"""A server whose answers break off, one after the other, is left alone, and then asked once."""

import pytest

from stream_workers.inference.breaker import Breaker
from stream_workers.inference.trouble import Kind


def times_until_open(kind: Kind, most: int = 100) -> int | None:
    breaker = Breaker()
    return next((number for number in range(1, most + 1) if breaker.troubled(kind)), None)


@pytest.mark.parametrize(
    ("kind", "times"),
    [("cut", 5), ("garbled", 5), ("denied", 5), ("failed", 20), ("busy", None), ("refused", None), ("gone", None)],
)
def test_so_many_in_a_row_open_it(kind: Kind, times: int | None) -> None:
    assert times_until_open(kind) == times


def test_an_answer_in_between_begins_the_count_anew() -> None:
    breaker = Breaker()
    opened = []
    for _ in range(10):
        opened += [breaker.troubled("cut") for _ in range(4)]
        breaker.answered()

    assert not any(opened)


def test_on_trial_one_failure_opens_it_again_and_one_answer_closes_it() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.troubled("cut")

    on_trial, opened = breaker.on_trial, [breaker.troubled("refused"), breaker.troubled("failed")]
    breaker.answered()

    assert on_trial
    assert opened == [False, True], "a refusal is the prompt's fault"
    assert (breaker.on_trial, breaker.troubled("cut")) == (False, False)
