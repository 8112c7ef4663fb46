"""An answer and a feedback on it become an example."""

from typing import Any

import pytest

from producers.events import FeedbackGiven, Message
from stream_workers.retraining.examples import example_of, served
from tests.support.builders import a_completed, a_prompt
from tests.support.feedback import a_feedback

SYSTEM, QUESTION = Message("system", "Be brief."), Message("user", "Why is the sky blue?")
HISTORY = (Message("user", "Hello."), Message("assistant", "Hello!"))
PROMPT = a_prompt(messages=(SYSTEM, QUESTION))
SERVED = served(a_completed(PROMPT, "Scattering.", history=HISTORY))


def about(kind: str, value: str | float, **fields: Any) -> FeedbackGiven:
    return a_feedback(PROMPT, kind, value, **fields)


@pytest.mark.parametrize(
    ("kind", "value", "gives"),
    [
        ("thumb", "up", {"label": True}),
        ("thumb", "down", {"label": False}),
        ("score", 0.25, {"score": 0.25}),
        ("score", 1, {"score": 1.0}),
        ("comment", "Too short.", {"comment": "Too short."}),
        ("correction", "Rayleigh scattering.", {"chosen": "Rayleigh scattering.", "rejected": "Scattering."}),
    ],
)
def test_each_kind_of_feedback_gives_its_own(kind: str, value: str | float, gives: dict[str, Any]) -> None:
    example = example_of(about(kind, value), SERVED, None)

    assert example is not None
    empty = {"label": None, "chosen": None, "rejected": None, "score": None, "comment": None}
    assert {name: getattr(example, name) for name in empty} == empty | gives


def test_the_prompt_is_whole_and_the_comment_beside_a_thumb_is_carried() -> None:
    example = example_of(about("thumb", "up", comment="Nice.", tags=("physics",)), SERVED, None)

    assert example is not None
    assert example.prompt == (*HISTORY, SYSTEM, QUESTION)
    assert (example.completion, example.comment, example.tags) == ("Scattering.", "Nice.", ("physics",))


def test_a_preference_is_a_pair_of_two_answers_to_the_same_prompt() -> None:
    better = served(a_completed(a_prompt(messages=(SYSTEM, QUESTION)), "Because of Rayleigh.", history=HISTORY))
    stranger = served(a_completed(a_prompt(messages=(SYSTEM, QUESTION), tenant="other"), "x", history=HISTORY))
    elsewhere = served(a_completed(a_prompt("Something else?"), "y"))

    example = example_of(about("preference", "job_2"), SERVED, better)

    assert example is not None
    assert (example.chosen, example.rejected) == ("Because of Rayleigh.", "Scattering.")
    assert [example_of(about("preference", "job_2"), SERVED, each) for each in (stranger, elsewhere, None)] == [
        None
    ] * 3


@pytest.mark.parametrize(("kind", "value"), [("thumb", "sideways"), ("score", "high"), ("correction", 1.0)])
def test_a_value_that_does_not_fit_its_kind_makes_no_example(kind: str, value: str | float) -> None:
    assert example_of(about(kind, value), SERVED, None) is None


def test_one_tenants_feedback_makes_no_example_of_anothers_answer() -> None:
    assert example_of(about("thumb", "up", tenant="other"), SERVED, None) is None


def test_a_call_of_a_tool_makes_no_example() -> None:
    called = served(a_completed(a_prompt(), ""))

    assert example_of(about("thumb", "up"), called, None) is None


def test_the_id_follows_from_job_and_feedback() -> None:
    first, again, other = (
        about("thumb", "up", feedback_id="fb_1"),
        about("thumb", "down", feedback_id="fb_1"),
        about("thumb", "up"),
    )

    ids = [example.example_id for each in (first, again, other) if (example := example_of(each, SERVED, None))]

    assert ids[0] == ids[1] != ids[2]
