"""A server's window: larger by one a full window of answers, down to what it takes where it refuses."""

from stream_workers.inference.window import DECREASE, EPOCH_S, PAUSE_S, Window


def cut_to(size: int, most: int = 64) -> Window:
    """A window that refusals have made so small, at second 0."""
    window = Window(most)
    window.refused(size, 0.0)
    assert window.size == size
    return window


def test_it_begins_with_what_the_server_says_and_never_exceeds_that() -> None:
    window = Window(8)
    for second in range(100):
        window.answered(was_full=True, now_s=float(second))

    assert window.size == 8


def test_of_a_burst_the_last_refusal_tells_how_many_the_server_takes() -> None:
    window = Window(64)
    for others in range(29, 9, -1):  # thirty at once, of which ten are taken
        window.refused(others, 1.0)

    assert window.size == 10


def test_it_is_never_smaller_than_one() -> None:
    window = Window(4)
    for _ in range(50):
        window.refused(0, 1.0)

    assert window.size == 1


def test_a_full_window_of_answers_makes_it_one_larger_once_the_cut_was_felt() -> None:
    window = cut_to(10)
    for _ in range(100):
        window.answered(was_full=True, now_s=PAUSE_S / 2)
    too_soon = window.size
    for _ in range(100):
        window.answered(was_full=False, now_s=PAUSE_S)
    not_full = window.size
    for _ in range(11):
        window.answered(was_full=True, now_s=PAUSE_S)

    assert (too_soon, not_full, window.size) == (10, 10, 11)


def test_a_server_that_refuses_above_some_number_is_given_about_that_many() -> None:
    window, sizes = Window(64), []
    for second in range(600):
        under_way = window.size
        for refused in range(max(0, under_way - 12)):
            window.refused(under_way - 1 - refused, float(second))
        for _ in range(min(12, under_way)):
            window.answered(was_full=True, now_s=float(second))
        sizes.append(window.size)

    assert set(sizes[1:]) <= {12, 13}


def test_slow_first_tokens_cut_it_once_a_round_trip() -> None:
    window = Window(100)
    window.first_token(50, 0.1, 1.0)
    window.first_token(60, 0.7, 2.0)
    as_usual = window.size
    window.first_token(60, 2.0, 10.0)
    once = window.size
    for _ in range(20):
        window.first_token(60, 2.5, 10.5)
    at_once = window.size
    window.first_token(60, 2.0, 13.0)

    assert (as_usual, once, at_once) == (100, 90, 90)
    assert window.size == int(90 * DECREASE)


def test_a_long_prompt_is_measured_by_long_ones() -> None:
    window = Window(100)
    window.first_token(20, 0.05, 1.0)
    window.first_token(30_000, 5.0, 10.0)
    window.first_token(29_000, 6.0, 20.0)

    assert window.size == 100


def test_a_server_that_became_slower_for_good_is_measured_by_what_it_is_now() -> None:
    window, now_s = Window(100), 0.0
    window.first_token(20, 0.05, now_s)
    while now_s < 3 * EPOCH_S:
        now_s += 10.0
        window.first_token(20, 1.0, now_s)
    settled = window.size
    for _ in range(500):
        now_s += 10.0
        window.first_token(20, 1.0, now_s)
        window.answered(was_full=True, now_s=now_s)

    assert settled == 100 // 8
    assert window.size > 2 * settled


def test_who_was_at_the_limit_is_at_the_new_one_and_who_was_cut_stays_so() -> None:
    full, cut = Window(512), cut_to(6)
    for window in (full, cut):
        window.limit(16)

    assert (full.size, cut.size) == (16, 6)
