"""What is said to llama.cpp's server, and what its answers mean."""

from typing import Any

import pytest

from infra.local.tgi.engine import Ask, Sampling
from infra.local.tgi.errors import EngineFailed
from infra.local.tgi.llama.wire import completion_request, logprob_of, pieces_of, tokens_of


def event(text: str, number: int, predicted: int) -> dict[str, Any]:
    likely = {"id": number, "token": text, "logprob": -0.5}
    return {
        "content": text,
        "tokens": [number],
        "tokens_predicted": predicted,
        "stop": False,
        "completion_probabilities": [{**likely, "top_logprobs": [likely]}],
    }


def test_greedy_is_temperature_zero_and_sampling_names_its_seed() -> None:
    greedy = completion_request(Ask("Hi", (1, 2), 5, Sampling(top_k=9)))
    assert (greedy["temperature"], greedy["n_predict"], greedy["prompt"]) == (0.0, 5, [1, 2])
    assert "seed" not in greedy
    sampled = completion_request(Ask("Hi", (1, 2), 5, Sampling(sample=True, seed=2**64 - 1)))
    assert 0 <= sampled["seed"] < 2**32 - 1


def test_a_character_of_several_tokens_comes_with_its_last_one() -> None:
    tokens = tokens_of(event("🐋", 229, 5), made=2)
    assert [(each.id, each.text) for each in tokens] == [(0, ""), (0, ""), (229, "🐋")]


def test_a_token_without_text_is_a_special_one() -> None:
    assert [each.special for each in tokens_of(event("", 2, 1), made=0)] == [True]


def test_progress_and_the_end_bring_no_tokens() -> None:
    assert tokens_of({**event("", 0, 0), "prompt_progress": {}}, made=0) == []
    assert tokens_of({"stop": True, "stop_type": "limit", "tokens_predicted": 3}, made=3) == []


def test_tokens_of_one_character_share_its_range() -> None:
    told = [{"id": 1, "piece": "f"}, {"id": 2, "piece": [32, 240, 159]}, {"id": 3, "piece": [144]}]
    told += [{"id": 4, "piece": [139]}, {"id": 5, "piece": "!"}]
    found = [(each.text, each.start, each.stop) for each in pieces_of("f 🐋!", told)]
    assert found == [("f", 0, 1), (" 🐋", 1, 6), ("🐋", 2, 6), ("🐋", 2, 6), ("!", 6, 7)]


def test_a_prompt_s_token_is_found_among_those_that_were_likely() -> None:
    chosen = {"id": 1, "logprob": -0.1, "top_logprobs": [{"id": 1, "logprob": -0.1}, {"id": 7, "logprob": -4}]}
    assert logprob_of({"completion_probabilities": [chosen]}, 7) == -4.0
    with pytest.raises(EngineFailed, match="token 9"):
        logprob_of({"completion_probabilities": [chosen]}, 9)
