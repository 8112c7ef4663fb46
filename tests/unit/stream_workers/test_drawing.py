"""A choice token by token: what may be shown, and when it is over."""

from producers.events import Choice, TokenLogprob
from producers.jobs.live import Piece
from stream_workers.inference.drawing import Drawing
from stream_workers.inference.stops import StopCutter
from stream_workers.inference.tgi import Token


def drawing(*stops: str, number: int = 0, budget: int = 100, with_logprobs: bool = False) -> Drawing:
    return Drawing(number, StopCutter(stops), budget, with_logprobs=with_logprobs)


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
    assert shown == [Piece("one "), None]
    assert it.rest() is None
    assert it.end("length") == Choice("one ", "stop")


def test_what_was_held_back_and_became_no_stop_string_is_shown_at_the_end() -> None:
    it = drawing("END")
    it.take(Token("one E"))

    assert it.rest() == Piece("E")
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
