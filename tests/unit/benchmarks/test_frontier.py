"""The frontier of a load, and who held it back."""

import math

from benchmarks.frontier import Found, Turn
from benchmarks.goals import ACCEPT, BARE, CHAT, DIRECT, DIRECT_STREAMED, HIT, RIVAL, RIVAL_STREAMED, STREAMED, goals
from benchmarks.load import Loaded


def a_turn(
    calls: int,
    ms: float,
    *,
    slowest_ms: float | None = None,
    first_ms: float = 0.0,
    own_s: float = 0.0,
    load_s: float = 0.0,
    beside_s: float = 0.0,
) -> Turn:
    """A second in which so many calls took so long; two of a hundred may take longer."""
    slow = 0 if slowest_ms is None else calls // 50
    whole = [ms / 1000] * (calls - slow) + [(slowest_ms or ms) / 1000] * slow
    return Turn(Loaded(1.0, whole, [first_ms / 1000] * calls), own_s, load_s, beside_s)


def found(**turns: Turn) -> Found:
    made = Found()
    for callers, turn in turns.items():
        made.add(int(callers.removeprefix("by_")), turn)
    return made


def test_the_frontier_is_the_highest_rate_whose_p99_is_within_the_bound() -> None:
    some = found(
        by_1=a_turn(100, 5),
        by_4=a_turn(300, 8, slowest_ms=40),
        by_16=a_turn(500, 60),
    )

    assert (some.frontier(10), some.frontier(50), some.frontier(100), some.frontier(1)) == (100, 300, 500, 0)


def test_turns_of_several_rounds_count_as_one() -> None:
    some = Found()
    some.add(1, a_turn(100, 5))
    some.add(1, a_turn(300, 5))

    assert some.frontier(10) == 200


def test_a_rate_counts_for_what_its_own_core_did() -> None:
    assert found(by_1=a_turn(100, 5, own_s=0.25)).a_core_s_worth == 400


def test_who_is_full_while_the_own_core_is_not_holds_the_figure_back() -> None:
    assert found(by_1=a_turn(100, 5, own_s=0.5, load_s=0.9, beside_s=0.95)).held_back_by == "the load"
    assert found(by_1=a_turn(100, 5, own_s=0.5, load_s=0.2, beside_s=0.95)).held_back_by == "what runs beside it"
    assert found(by_1=a_turn(100, 5, own_s=0.95, load_s=0.9, beside_s=0.95)).held_back_by == ""
    assert found(by_1=a_turn(100, 5, own_s=0.5, load_s=0.2, beside_s=0.5)).held_back_by == ""


def test_each_goal_is_met_or_missed_by_what_was_found() -> None:
    measured = {
        DIRECT: found(by_1=a_turn(100, 2)),
        DIRECT_STREAMED: found(by_1=a_turn(100, 2, first_ms=1)),
        BARE: found(by_1=a_turn(100, 3)),
        RIVAL: found(by_1=a_turn(100, 22, own_s=1.0)),
        RIVAL_STREAMED: found(by_1=a_turn(100, 30, first_ms=25)),
        CHAT: found(by_1=a_turn(100, 12)),
        STREAMED: found(by_1=a_turn(100, 9, first_ms=7)),
        HIT: found(by_1=a_turn(100, 7)),
        ACCEPT: found(by_1=a_turn(100, 5), by_16=a_turn(2000, 8, own_s=0.8)),
    }
    shown = [(round(each.found, 2), each.is_met) for each in goals(measured)]

    assert shown == [(20.0, True), (25.0, True), (0.5, True), (0.25, True), (2.33, False)]


def test_a_goal_without_a_rival_is_not_told_and_one_that_adds_nothing_is_not_met() -> None:
    base = {DIRECT: found(by_1=a_turn(100, 2)), BARE: found(by_1=a_turn(100, 3)), HIT: found(by_1=a_turn(100, 3))}
    assert [each.is_met for each in goals(base)] == [True]

    streams = {each: found(by_1=a_turn(100, 2, first_ms=1)) for each in (DIRECT_STREAMED, RIVAL_STREAMED, STREAMED)}
    plain = {each: found(by_1=a_turn(100, 2)) for each in (RIVAL, CHAT, ACCEPT)}
    told = goals(base | streams | plain)
    assert math.isnan(told[2].found)
    assert not told[2].is_met
