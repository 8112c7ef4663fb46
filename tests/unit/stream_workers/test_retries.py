"""What is tried again, how often, and after how long."""

import pytest

from producers.jobs.lease import Tried
from stream_workers.inference.retries import JITTER, Retry, after
from stream_workers.inference.trouble import Kind

DELAYS_S = (1.0, 10.0)


@pytest.mark.parametrize("kind", ["refused", "denied"])
def test_what_would_be_the_same_the_next_time_is_not_tried_again(kind: Kind) -> None:
    assert after(kind, "no", Tried(), DELAYS_S, 0.0) is None


@pytest.mark.parametrize("kind", ["busy", "failed", "cut", "garbled"])
def test_trouble_that_may_pass_waits_longer_each_time_and_then_no_more(kind: Kind) -> None:
    once = after(kind, "first", Tried(), DELAYS_S, 0.0)
    assert once == Retry(1.0, Tried(1, "first", "first"))
    assert once.tried is not None
    twice = after(kind, "second", once.tried, DELAYS_S, 0.0)
    assert twice == Retry(10.0, Tried(2, "first", "second"))
    assert twice.tried is not None
    assert after(kind, "third", twice.tried, DELAYS_S, 0.0) is None


def test_waits_are_spread_around_the_schedule() -> None:
    waits = [after("busy", "", Tried(), DELAYS_S, chance) for chance in (-1.0, 1.0)]
    assert [each.after_s for each in waits if each] == [1 - JITTER, 1 + JITTER]


def test_a_server_that_hung_up_costs_a_try_and_no_wait_and_one_that_takes_no_connection_neither() -> None:
    assert after("away", "hung up", Tried(), DELAYS_S, 0.0) == Retry(0.0, Tried(1, "hung up", "hung up"))
    assert after("gone", "refused", Tried(2, "a", "b"), DELAYS_S, 0.0) == Retry()
