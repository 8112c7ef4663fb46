"""What is held back for a prompt, and what a job is charged in the end."""

import msgspec
import pytest

from producers.events import AnswerExpired, Message, Sampling, Terminal, Tool, Usage
from producers.limits import spending
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

PROMPT = a_prompt("abcdef", sampling=Sampling(max_tokens=100))


def test_the_prompt_is_estimated_and_all_that_the_answer_may_have_is_held_back() -> None:
    twice = msgspec.structs.replace(PROMPT, sampling=Sampling(max_tokens=100, n=2))
    unbounded = msgspec.structs.replace(PROMPT, sampling=Sampling())

    assert spending.reserved(PROMPT, 4096, 48) == 48 + 2 + spending.FRAME_TOKENS + 100
    assert spending.reserved(twice, 4096, 48) == 48 + 2 + spending.FRAME_TOKENS + 200
    assert spending.reserved(unbounded, 4096, 48) == 48 + 2 + spending.FRAME_TOKENS + 4096


def test_every_message_counts_and_so_do_tools() -> None:
    longer = msgspec.structs.replace(PROMPT, messages=(Message("system", "水" * 4), *PROMPT.messages))
    with_tools = msgspec.structs.replace(PROMPT, tools=(Tool("look", "Looks.", {"type": "object"}),))

    assert spending.asked_tokens(longer) == 2 + 4 + 2 * spending.FRAME_TOKENS
    assert spending.asked_tokens(with_tools) > spending.asked_tokens(PROMPT) + spending.OFFER_TOKENS + 10


@pytest.mark.parametrize(
    ("ending", "tokens"),
    [
        (a_completed(PROMPT), 10),
        (a_completed(PROMPT, cache="hit"), 0),
        (a_cancelled(PROMPT), 0),
        (a_cancelled(PROMPT, ran=True, text="abc", usage=Usage(7, 1)), 8),
        (a_cancelled(PROMPT, ran=True, text="abc"), 2 + spending.FRAME_TOKENS + 1),
        (a_failed(PROMPT), 0),
        (AnswerExpired(job_id="j", prompt=PROMPT), 0),
        (AnswerExpired(job_id="j", prompt=PROMPT, text="abc", uncounted_tokens=150), 150),
        (a_cancelled(PROMPT, ran=True, uncounted_tokens=150), 150),
    ],
)
def test_a_job_is_charged_what_was_generated(ending: Terminal, tokens: int) -> None:
    assert spending.spent(ending) == tokens
