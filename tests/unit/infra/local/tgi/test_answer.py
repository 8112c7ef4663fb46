"""Tokens become text, and a reason to stop is found."""

import pytest

from infra.local.tgi.answer import Answer, Step
from infra.local.tgi.engine import Token


def fed(*texts: str, stop: list[str] | None = None, max_new_tokens: int = 9, ends: bool = False) -> Step:
    answer = Answer(stop=stop or [], max_new_tokens=max_new_tokens, seed=None, input_length=3)
    steps = [answer.add(Token(1, text, -0.1)) for text in texts]
    return answer.add(Token(2, "<|im_end|>", -0.1, special=True, ends=True)) if ends else steps[-1]


def test_the_limit_ends_an_answer() -> None:
    final = fed(" a", " b", max_new_tokens=2).final
    assert final is not None
    assert (final.generated_text, final.finish_reason, final.generated_tokens) == (" a b", "length", 2)


def test_the_end_of_sequence_is_counted_and_is_no_text() -> None:
    final = fed(" a", " b", ends=True).final
    assert final is not None
    assert (final.generated_text, final.finish_reason, final.generated_tokens) == (" a b", "eos_token", 3)


@pytest.mark.parametrize(
    ("texts", "stop", "stops"),
    [
        ((" vill", "age"), "village", True),
        ((" village",), "vill", False),
        ((" a",), "", True),
        ((" a.", "\n"), ".", True),
        ((" a.", "\n", "\n"), ".", False),
    ],
)
def test_a_stop_text_is_looked_for_at_the_end_and_stays(texts: tuple[str, ...], stop: str, stops: bool) -> None:
    final = fed(*texts, stop=[stop]).final
    assert (final is not None) == stops
    if final is not None:
        assert final.finish_reason == "stop_sequence"
        assert final.generated_text == "".join(texts)
