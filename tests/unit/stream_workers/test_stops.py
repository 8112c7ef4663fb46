"""An answer is cut at its stop strings, and no reader sees the beginning of one."""

import itertools

from stream_workers.inference.stops import StopCutter


def test_however_the_text_is_cut_into_pieces_the_same_is_shown() -> None:
    text = "one\nEND!"
    for count in range(len(text)):
        for cuts in itertools.combinations(range(1, len(text)), count):
            cutter = StopCutter(["\nEND"])
            pieces = [text[start:end] for start, end in itertools.pairwise((0, *cuts, len(text)))]
            shown = "".join(cutter.feed(each) for each in pieces)
            assert (shown, cutter.stopped, cutter.rest()) == ("one", True, "")


def test_a_tail_that_could_become_a_stop_string_is_held_back_until_it_does_not() -> None:
    cutter = StopCutter(["STOP"])
    assert cutter.feed("a ST") == "a "
    assert cutter.feed("ART") == "START"
    assert not cutter.stopped


def test_what_was_held_back_is_shown_at_the_end_of_the_answer() -> None:
    cutter = StopCutter(["STOP"])
    assert cutter.feed("a ST") + cutter.rest() == "a ST"


def test_the_earliest_of_several_stop_strings_cuts() -> None:
    cutter = StopCutter(["world", "o w"])
    assert cutter.feed("hello world") == "hell"


def test_after_a_stop_nothing_more_is_shown() -> None:
    cutter = StopCutter(["."])
    cutter.feed("one. two")
    assert cutter.feed(" three") == ""


def test_empty_stop_strings_do_not_count() -> None:
    assert StopCutter([""]).feed("all of it") == "all of it"
