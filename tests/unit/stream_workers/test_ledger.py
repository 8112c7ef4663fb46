"""What may be committed while acknowledgements come in any order."""

import random

from stream_workers.ledger import Ledger


def test_nothing_delivered_nothing_to_commit() -> None:
    assert Ledger().committable is None


def test_the_lowest_offset_that_waits_is_what_may_be_committed() -> None:
    ledger = delivered(5, 6, 7)
    assert ledger.acknowledge(6)
    assert ledger.acknowledge(7)
    assert ledger.committable == 5
    assert ledger.acknowledge(5)
    assert ledger.committable == 8


def test_gaps_in_the_log_need_no_acknowledgement() -> None:
    ledger = delivered(5, 9, 20)
    for offset in (5, 9):
        ledger.acknowledge(offset)
    assert ledger.committable == 20


def test_what_is_behind_is_what_is_in_work_and_what_was_not_delivered() -> None:
    ledger = delivered(5, 6, 7)
    ledger.acknowledge(6)

    assert [ledger.behind(end) for end in (0, 8, 10)] == [2, 2, 4]
    assert Ledger().behind(10) == 0


def test_an_offset_delivered_again_waits_again() -> None:
    ledger = delivered(5, 6)
    ledger.acknowledge(5)
    ledger.acknowledge(6)
    ledger.deliver(5, "again")
    assert ledger.committable == 5
    ledger.acknowledge(5)
    assert ledger.committable == 7


def test_an_acknowledgement_of_what_was_not_delivered_changes_nothing() -> None:
    ledger = delivered(5)
    assert not ledger.acknowledge(6)
    assert ledger.committable == 5


def test_the_spread_tells_how_far_deliveries_run_ahead() -> None:
    ledger = delivered(*range(1000))
    assert ledger.spread == 1000
    for offset in range(999):
        ledger.acknowledge(offset)
    assert ledger.spread == 1
    ledger.acknowledge(999)
    assert ledger.spread == 0
    assert len(ledger) == 0


def test_in_any_order_the_commit_never_passes_what_waits() -> None:
    chance = random.Random(7)
    for _ in range(50):
        offsets = sorted(chance.sample(range(200), 60))
        ledger, waiting = delivered(*offsets), set(offsets)
        for offset in chance.sample(offsets, len(offsets)):
            ledger.acknowledge(offset)
            waiting.discard(offset)
            assert ledger.committable == min(waiting, default=offsets[-1] + 1)


def delivered(*offsets: int) -> Ledger:
    ledger = Ledger()
    for offset in offsets:
        ledger.deliver(offset, f"message {offset}")
    return ledger
