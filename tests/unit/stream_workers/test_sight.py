"""What counts as a time in which Redis was away."""

import pytest

from stream_workers.fanout.sight import LATE_MS, Sight


def looked(*times_ms: float) -> Sight:
    """Rounds that take no time."""
    sight = Sight()
    for each in times_ms:
        sight.begin(each)
        sight.end(each)
    return sight


@pytest.mark.parametrize(
    ("times_ms", "lasts_ms"),
    [
        ((), 0), ((5_000,), 0), ((5_000, 6_000, 7_000), 2_000),
        ((5_000, 6_000, 6_001 + LATE_MS), 0), ((5_000, 6_000, 16_000, 17_000), 1_000),
        ((5_000, 6_000, 4_000), 0),
    ],
    ids=["never", "the first look", "without a pause", "late", "after a pause", "a clock that was set back"],
)  # fmt: skip
def test_it_lasts_from_the_last_pause_on(times_ms: tuple[float, ...], lasts_ms: float) -> None:
    assert looked(*times_ms).lasts_ms == lasts_ms


def test_a_round_that_takes_long_is_no_pause() -> None:
    sight = looked(0, 1_000)
    sight.begin(2_000)
    sight.end(30_000)
    sight.begin(31_000)

    assert sight.lasts_ms == 31_000


def test_a_round_that_failed_is_one_however_short() -> None:
    sight = looked(0, 1_000)
    sight.lose()
    sight.begin(1_500)

    assert sight.lasts_ms == 0
