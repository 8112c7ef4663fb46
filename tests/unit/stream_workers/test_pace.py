"""The first text is shown at once, the rest every so often."""

from stream_workers.inference.pace import Pace


def test_the_first_showing_does_not_wait() -> None:
    assert Pace(0.03).wait_s(100.0) == 0.0


def test_later_showings_wait_for_their_time() -> None:
    pace = Pace(0.03)
    pace.shown(100.0)
    assert 0.0 < pace.wait_s(100.02) < 0.011
    assert pace.wait_s(100.031) == 0.0


def test_after_a_long_silence_the_next_showing_does_not_wait() -> None:
    pace = Pace(0.03)
    pace.shown(100.0)
    assert pace.wait_s(105.0) == 0.0
