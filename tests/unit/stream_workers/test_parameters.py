"""OpenAI's sampling parameters in TGI's terms."""

from typing import Any

import pytest

from producers.events import Sampling
from stream_workers.inference.parameters import Limits, TooLong, budget_tokens, parameters

LIMITS = Limits(max_input_tokens=1000, max_total_tokens=1100, max_stop_sequences=2)


def sent(**sampling: Any) -> dict[str, Any]:
    """What goes over the wire, without what is always there."""
    made = parameters(Sampling(**sampling), 50, LIMITS).model_dump(exclude_none=True, mode="json")
    always = {"max_new_tokens": 50, "details": True}
    assert always.items() <= made.items()
    return {name: value for name, value in made.items() if name not in always and value not in (False, [])}


def test_without_a_temperature_the_model_answers_greedily() -> None:
    assert sent() == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0.0}, {}),
        ({"temperature": 0.0, "top_p": 0.5}, {}),
        ({"temperature": 0.7}, {"do_sample": True, "temperature": 0.7}),
        ({"temperature": 1.0}, {"do_sample": True}),
        ({"temperature": 1.0, "top_p": 1.0}, {"do_sample": True}),
        ({"top_p": 0.9}, {"do_sample": True, "top_p": 0.9}),
        ({"top_p": 1.0}, {}),
        ({"top_p": 0.0}, {}),
        ({"seed": 7}, {"seed": 7}),
        ({"seed": -1}, {"seed": 2**64 - 1}),
        ({"frequency_penalty": -0.5}, {"frequency_penalty": -0.5}),
        ({"frequency_penalty": 0.0}, {}),
        ({"presence_penalty": 0.0}, {}),
        ({"presence_penalty": 1.0}, {"repetition_penalty": 1.5}),
        ({"presence_penalty": -2.0}, {"repetition_penalty": 0.05}),
        ({"stop": ("a", "", "b")}, {"stop": ["a", "b"]}),
        ({"stop": ("a", "b", "c")}, {}),
    ],
)
def test_each_parameter_is_said_in_tgis_way_or_left_out(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent(**given) == expected


@pytest.mark.parametrize(
    ("max_tokens", "prompt_tokens", "budget"),
    [(None, 100, 400), (10, 100, 10), (5000, 100, 1000), (1, 1000, 1), (None, 1000, 100)],
)
def test_the_budget_is_what_was_asked_for_or_the_most_or_what_the_window_leaves(
    max_tokens: int | None, prompt_tokens: int, budget: int
) -> None:
    assert budget_tokens(Sampling(max_tokens=max_tokens), prompt_tokens, LIMITS, 400) == budget


def test_a_prompt_over_the_window_is_too_long() -> None:
    assert budget_tokens(Sampling(), 1001, LIMITS, 400) == TooLong(1001, 1000)


def test_each_of_several_choices_has_its_own_seed_or_all_would_be_the_same() -> None:
    made = [parameters(Sampling(seed=7, n=2), 50, LIMITS, number=number).seed for number in range(2)]

    assert made == [7, 8]


@pytest.mark.parametrize(("asked", "sent_as"), [(None, None), (0, None), (3, 3)])
def test_the_likeliest_tokens_are_asked_for_only_where_they_are_wanted(asked: int | None, sent_as: int | None) -> None:
    assert sent(top_logprobs=asked).get("top_n_tokens") == sent_as
