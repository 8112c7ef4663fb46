"""The text of the timed server proves whose it is."""

import pytest

from infra.local.tgi.timed.text import ANSWER_TOKENS, pieces, place, predicted_text, words

CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


def test_every_prompt_and_seed_has_words_of_its_own() -> None:
    texts = [predicted_text(CHAT.format(n), 5, seed=seed) for n in range(300) for seed in (None, 1)]
    assert len(set(texts)) == 600


def test_the_limit_only_cuts() -> None:
    whole = predicted_text("Hi", 100)
    assert len(pieces(whole)) == ANSWER_TOKENS
    assert whole.startswith(predicted_text("Hi", 7))


@pytest.mark.parametrize("shown", range(1, 40))
def test_an_answer_sent_back_is_continued_word_for_word(shown: int) -> None:
    prompt = CHAT.format("Tell me")
    whole = predicted_text(prompt, 100, answer_tokens=40)
    begun = predicted_text(prompt, shown, answer_tokens=40)
    assert begun + predicted_text(prompt + begun, 100, answer_tokens=40) == whole


def test_the_words_are_those_after_the_place_whatever_the_block() -> None:
    start = place("Hi")
    whole = words(start, 50)
    assert all(words(type(start)(start.key, n, start.spaced), 5) == whole[n : n + 5] for n in range(45))


@pytest.mark.parametrize("text", ["", "a  b\n\n c", "für 🐋! <|im_start|>x<y>\t\tz", "<|im_end|>\r\n"])
def test_the_pieces_make_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
