"""When a queued job may start, from how far apart the jobs of its lane started lately."""

from dataclasses import replace

import pytest

from producers.jobs.waiting import FEWEST_GAPS, Outlook, Pace, outlook

STEADY = Pace(gaps=32, mean_ms=100.0, variance=0.0, since_ms=50.0)


@pytest.mark.parametrize(("position", "wait_ms"), [(1, 100.0), (10, 1000.0)])
def test_in_a_steady_lane_each_job_before_costs_one_gap(position: int, wait_ms: float) -> None:
    assert outlook(position, STEADY) == Outlook(wait_ms, wait_ms, wait_ms)


def test_nothing_is_said_of_a_lane_in_which_hardly_anything_waited() -> None:
    assert outlook(1, replace(STEADY, gaps=FEWEST_GAPS - 1)) is None


def test_the_interval_widens_with_the_spread_and_with_few_gaps() -> None:
    told = [
        outlook(4, replace(STEADY, gaps=gaps, variance=var)) for gaps, var in ((32, 400.0), (32, 1600.0), (5, 400.0))
    ]
    widths = [each.most_ms - each.least_ms for each in told if each is not None]

    assert widths[0] < widths[1]
    assert widths[0] < widths[2]
    assert all(each is not None and each.least_ms <= each.wait_ms <= each.most_ms for each in told)


def test_a_lane_that_stands_still_is_expected_to_go_on_standing() -> None:
    still = outlook(2, replace(STEADY, since_ms=60_100.0))

    assert still == Outlook(60_200.0, 200.0, 120_200.0)


def test_the_least_is_never_in_the_past() -> None:
    wild = outlook(1, replace(STEADY, variance=1e9))

    assert wild is not None
    assert wild.least_ms == 0.0
