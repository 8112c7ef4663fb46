"""A choice token by token: what may be shown, and when it is over."""

from producers.events import Choice, TokenLogprob
from producers.jobs.live import Piece
from stream_workers.inference.drawing import Drawing
from stream_workers.inference.seen import NOTHING, Seen
from stream_workers.inference.stops import StopCutter
from stream_workers.inference.tgi import Token


def drawing(
    *stops: str, number: int = 0, budget: int = 100, with_logprobs: bool = False, seen: Seen = NOTHING
) -> Drawing:
    return Drawing(number, StopCutter(stops), budget, with_logprobs=with_logprobs, seen=seen)


def test_tokens_are_shown_as_they_come() -> None:
    it = drawing(number=1)

    assert [it.take(Token("It ")), it.take(Token("")), it.take(Token("is."))] == [
        Piece("It ", 1),
        None,
        Piece("is.", 1),
    ]
    assert it.end("stop") == Choice("It is.", "stop")


def test_a_stop_string_ends_the_choice_whatever_the_server_says() -> None:
    it = drawing("END")
    shown = [it.take(Token(text)) for text in ("one E", "ND two")]

    assert it.over
    assert shown == [None, Piece("one ")]
    assert it.rest() is None
    assert it.end("length") == Choice("one ", "stop")


def test_what_was_held_back_and_became_no_stop_string_is_shown_at_the_end() -> None:
    it = drawing("END")
    it.take(Token("one E"))

    assert it.rest() == Piece("one E")
    assert it.end("stop") == Choice("one E", "stop")


def test_the_budget_ends_the_choice() -> None:
    it = drawing(budget=2)
    it.take(Token("a"))
    before = it.over
    it.take(Token("b"))

    assert (before, it.over) == (False, True)
    assert it.end("length") == Choice("ab", "length")


def test_log_probabilities_are_told_with_their_text_and_none_of_what_was_cut() -> None:
    it = drawing("END", with_logprobs=True)
    tokens = [
        Token("one ", -0.1),
        Token("E", -0.2),
        Token("x", -0.3, top=(TokenLogprob("y", -0.4),)),
        Token("END", -0.5),
    ]
    shown = [it.take(each) for each in tokens]

    one, e, x = TokenLogprob("one ", -0.1), TokenLogprob("E", -0.2), TokenLogprob("x", -0.3, (TokenLogprob("y", -0.4),))
    assert shown == [Piece("one ", logprobs=(one,)), None, Piece("Ex", logprobs=(e, x)), None]
    assert it.end("stop") == Choice("one Ex", "stop", logprobs=(one, e, x))


def test_a_special_token_has_no_log_probability_of_its_own() -> None:
    it = drawing(with_logprobs=True)
    it.take(Token("a", -0.1))

    assert it.take(Token("", -0.2, special=True)) is None
    assert it.end("stop").logprobs == (TokenLogprob("a", -0.1),)


def test_readers_see_whole_tokens_and_are_told_how_many() -> None:
    it = drawing("\n\nUser")
    texts = ["Sky.", " \n", "\nBlue", "", "é", ""]
    shown = [(it.take(Token(text)), it.shown_tokens) for text in texts]

    assert shown == [
        (Piece("Sky."), 1), (None, 1), (Piece(" \n\nBlue"), 3), (None, 3), (Piece("é"), 5), (None, 5)
    ]  # fmt: skip


def test_a_second_attempt_goes_on_from_what_was_seen_within_the_same_budget() -> None:
    blue = TokenLogprob("Blue", -0.1)
    it = drawing(budget=3, with_logprobs=True, seen=Seen((Piece("Blue", logprobs=(blue,)),), 1))

    shown = [it.take(Token(" li", -0.2)), it.take(Token("ght", -0.3))]
    assert [each.text for each in shown if each] == [" li", "ght"]
    assert (it.tokens, it.over) == (3, True)
    light = TokenLogprob(" li", -0.2), TokenLogprob("ght", -0.3)
    assert it.end("length") == Choice("Blue light", "length", logprobs=(blue, *light))


def test_a_stop_string_is_found_of_which_readers_had_not_seen_the_beginning() -> None:
    first = drawing("END")
    assert [first.take(Token(text)) for text in ("one", " E")] == [Piece("one"), None]

    second = drawing("END", seen=Seen((Piece("one"),), first.shown_tokens))
    assert [second.take(Token(text)) for text in (" E", "ND two")] == [None, Piece(" ")]
    assert second.end("length") == Choice("one ", "stop")
