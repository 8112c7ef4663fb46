"""The first text is shown at once, the rest every so often; what nobody reads may wait longer."""

from stream_workers.inference.pace import UNREAD_S, Pace


def test_the_first_showing_does_not_wait_where_somebody_reads() -> None:
    assert Pace(0.03, 100.0).wait_s(100.0) == 0.0


def test_later_showings_wait_for_their_time() -> None:
    pace = Pace(0.03, 99.0)
    pace.shown(100.0)
    assert 0.0 < pace.wait_s(100.02) < 0.011
    assert pace.wait_s(100.031) == 0.0


def test_after_a_long_silence_the_next_showing_does_not_wait() -> None:
    pace = Pace(0.03, 99.0)
    pace.shown(100.0)
    assert pace.wait_s(105.0) == 0.0


def test_what_nobody_reads_yet_waits_for_its_time_from_the_start() -> None:
    pace = Pace(0.03, 100.0, is_read=False)
    assert 0.0 < pace.wait_s(100.02) < 0.011
    assert pace.wait_s(100.031) == 0.0, "a model that takes its time loses none"


def test_what_nobody_reads_is_shown_seldom() -> None:
    pace = Pace(0.03, 99.0, is_read=False)
    pace.shown(100.0)
    assert pace.wait_s(100.0) == UNREAD_S
    assert pace.wait_s(100.0 + UNREAD_S) == 0.0


def test_whoever_comes_is_shown_the_rest_at_the_usual_pace() -> None:
    pace = Pace(0.03, 99.0, is_read=False)
    pace.shown(100.0)
    pace.is_read = True
    assert pace.wait_s(100.031) == 0.0


def test_a_pace_slower_than_that_of_the_unread_stays_as_it_is() -> None:
    pace = Pace(2.0, 99.0, is_read=False)
    pace.shown(100.0)
    assert pace.wait_s(101.0) == 1.0
