"""The first text is shown at once, the rest every so often."""

from stream_workers.inference.tokens import TokenFlush


def test_the_first_piece_is_due_at_once() -> None:
    flush = TokenFlush(0.03)
    flush.add("a")
    assert flush.wait_s(100.0) == 0.0
    assert flush.due(100.0) == "a"


def test_later_pieces_gather_until_their_time() -> None:
    flush = TokenFlush(0.03)
    flush.add("a")
    flush.due(100.0)
    flush.add("b")
    flush.add("c")
    assert flush.due(100.02) == ""
    assert flush.wait_s(100.02) is not None
    assert flush.due(100.031) == "bc"
    assert flush.wait_s(100.031) is None


def test_after_a_long_silence_the_next_piece_is_due_at_once() -> None:
    flush = TokenFlush(0.03)
    flush.add("a")
    flush.due(100.0)
    flush.add("b")
    assert flush.due(105.0) == "b"


def test_nothing_is_shown_of_empty_pieces() -> None:
    flush = TokenFlush(0.03)
    flush.add("")
    assert flush.wait_s(1.0) is None
    assert flush.rest() == ""
