"""Which partitions a member of a view's group has, and how far it has read each."""

from dataclasses import replace

import pytest

from producers.state.positions import StoredPosition
from stream_workers.views.partitions import Partition, Partitions, Reading, opening

ANSWERS, PROMPTS = Partition("answers", 0), Partition("prompts.batch", 3)


def standing(position: int, *, whole: bool = False, run: str = "a", current: bool = True) -> StoredPosition:
    return StoredPosition(position, whole, run, current)


def opened(partitions: Partitions, partition: Partition, position: int, start: int, end: int) -> Reading:
    """The partition, opened where Redis stands at that position."""
    reading = opening(partition, partitions.generation, standing(position), start, end)
    assert partitions.opened(reading)
    return reading


def given(*found: Partition) -> Partitions:
    """A member that was given these, and has opened none."""
    partitions = Partitions()
    partitions.assigned(found)
    return partitions


@pytest.mark.parametrize(
    ("position", "start", "end", "expected", "following", "whole"),
    [
        pytest.param(0, 0, 0, 0, 0, True, id="an empty log"),
        pytest.param(0, 0, 9, 0, 0, False, id="an empty Redis"),
        pytest.param(4, 0, 9, 4, 4, False, id="on the way"),
        pytest.param(9, 0, 9, 9, 9, True, id="at the end"),
        pytest.param(4, 6, 9, 4, 6, False, id="some have expired"),
        pytest.param(0, 500, 500, 0, 500, True, id="all have expired"),
        pytest.param(12, 2, 9, 0, 2, False, id="another log, shorter than the view"),
    ],
)
def test_a_partition_is_read_from_where_redis_stands_or_from_what_the_log_still_holds(
    position: int, start: int, end: int, expected: int, following: int, whole: bool
) -> None:
    reading = opening(ANSWERS, 1, standing(position), start, end)

    assert (reading.expected, reading.next, reading.mark, reading.whole) == (expected, following, end, whole)


@pytest.mark.parametrize(
    ("position", "left", "whole"),
    [
        pytest.param(4, None, True, id="its member was away, or is another one now"),
        pytest.param(4, 4, True, id="it was looked at again"),
        pytest.param(4, 3, True, id="another member read on"),
        pytest.param(4, 5, False, id="set back under its member"),
        pytest.param(12, None, False, id="another log, shorter than the view"),
    ],
)
def test_what_was_whole_in_this_run_of_redis_stays_so_unless_it_lost_something(
    position: int, left: int | None, whole: bool
) -> None:
    before = None if left is None else opening(ANSWERS, 1, standing(left), 0, left)

    reading = opening(ANSWERS, 1, standing(position, whole=True), 0, 9, before)

    assert (reading.whole, reading.mark) == (whole, 9)


def test_a_member_that_is_whole_from_its_start_has_not_caught_up_before_it_has_read_on() -> None:
    partitions = given(ANSWERS)
    reading = opening(ANSWERS, partitions.generation, standing(4, whole=True), 0, 6)
    partitions.opened(reading)

    found = [partitions.caught_up({ANSWERS: 6})]
    partitions.applied(reading, 6)

    assert [*found, partitions.caught_up({ANSWERS: 6})] == [False, True]


def test_a_member_has_caught_up_where_all_records_have_expired_and_is_not_behind() -> None:
    partitions = given(PROMPTS)

    opened(partitions, PROMPTS, 0, 500, 500)

    assert partitions.caught_up({PROMPTS: 500})
    assert partitions.behind({PROMPTS: 500}) == {"prompts.batch": 0}
    assert partitions.behind({PROMPTS: 502}) == {"prompts.batch": 2}


def test_a_member_is_whole_once_each_partition_was_read_up_to_its_mark() -> None:
    partitions = given(ANSWERS, PROMPTS)
    reading = opened(partitions, ANSWERS, 2, 0, 5)
    opened(partitions, PROMPTS, 7, 0, 7)

    found = []
    for upto in (4, 5, 6):
        partitions.applied(reading, upto)
        found.append((partitions.whole, partitions.caught_up({ANSWERS: 6, PROMPTS: 7})))

    assert found == [(False, False), (True, False), (True, True)]


def test_who_is_not_told_where_the_log_ends_has_not_caught_up() -> None:
    partitions = given(ANSWERS, PROMPTS)
    opened(partitions, ANSWERS, 5, 0, 5)
    opened(partitions, PROMPTS, 7, 0, 7)

    assert not partitions.caught_up({ANSWERS: 5})


def test_of_what_one_partition_holds_a_member_knows_although_another_is_behind_or_to_be_opened() -> None:
    partitions = given(ANSWERS, PROMPTS)
    opened(partitions, ANSWERS, 4, 0, 4)

    found = [partitions.read_up({ANSWERS: 4, PROMPTS: 0}), partitions.read_up({ANSWERS: 5}), partitions.read_up({})]

    assert found == [{ANSWERS}, set(), set()]


def test_a_member_without_partitions_is_whole_and_cannot_know_whether_it_has_caught_up() -> None:
    assert not Partitions().whole
    assert given().whole
    assert not given().caught_up({})


def test_a_partition_to_be_read_again_is_not_read_on_and_still_counts_as_far_as_it_was_read() -> None:
    partitions = given(ANSWERS, PROMPTS)
    opened(partitions, ANSWERS, 5, 0, 5)
    reading = opened(partitions, PROMPTS, 7, 0, 7)

    partitions.reread(reading)

    assert partitions.unopened == [PROMPTS]
    assert [each.partition for each in partitions.readings] == [ANSWERS]
    assert not partitions.caught_up({ANSWERS: 5, PROMPTS: 7})
    assert partitions.behind({ANSWERS: 5, PROMPTS: 9}) == {"answers": 0, "prompts.batch": 2}
    partitions.reread_all()
    assert partitions.unopened == [ANSWERS, PROMPTS]


def test_what_was_begun_before_a_rebalance_says_nothing_of_what_is_here_after_it() -> None:
    partitions = given(ANSWERS, PROMPTS)
    gone = opened(partitions, PROMPTS, 0, 0, 5)
    kept = opened(partitions, ANSWERS, 0, 0, 5)
    partitions.revoked()
    partitions.assigned([ANSWERS])
    now = opened(partitions, ANSWERS, 3, 0, 5)

    partitions.reread(gone)
    partitions.reread(kept)
    partitions.applied(gone, 5)
    partitions.applied(kept, 5)

    assert not partitions.opened(gone)
    assert partitions.unopened == []
    assert partitions.readings == [now]


def test_a_member_has_opened_all_once_it_was_given_its_partitions_and_opened_each() -> None:
    found = [Partitions().opened_all, given().opened_all, given(ANSWERS).opened_all]
    partitions = given(ANSWERS)
    opened(partitions, ANSWERS, 0, 0, 5)

    assert [*found, partitions.opened_all] == [False, True, False, True]


def test_nothing_is_opened_between_losing_partitions_and_being_given_others() -> None:
    partitions = given(ANSWERS)
    reading = opening(ANSWERS, partitions.generation, standing(0), 0, 5)

    partitions.revoked()

    assert not partitions.opened(reading)
    assert not partitions.opened_all


@pytest.mark.parametrize(
    ("found", "agrees"),
    [
        pytest.param(standing(5, whole=True), True, id="as it was left"),
        pytest.param(standing(5), False, id="no longer whole"),
        pytest.param(standing(4, whole=True), False, id="set back"),
        pytest.param(standing(5, whole=True, run="b"), False, id="started anew"),
    ],
)
def test_a_redis_that_does_not_stand_as_it_was_left_is_found_out(found: StoredPosition, agrees: bool) -> None:
    reading = opening(ANSWERS, 1, standing(5), 0, 5)

    assert reading.agrees_with(found) is agrees


def test_a_partition_that_is_not_whole_yet_need_not_be_whole_in_redis() -> None:
    reading = opening(ANSWERS, 1, standing(5), 0, 9)

    assert reading.agrees_with(standing(5))
    assert not replace(reading, whole=True).agrees_with(standing(5))
