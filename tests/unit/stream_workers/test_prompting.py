"""Which turns a model is shown of a conversation that its window does not hold."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from producers.answers.cache_policy import key_of, key_of_shown
from producers.conversations.recent import History
from producers.conversations.shown import shown_of, turns_in
from producers.events import Message, Tool, ToolCall, Truncated
from stream_workers.inference.prompting import Prompting
from stream_workers.inference.tgi import Templated, Tgi
from tests.support.builders import a_completed, a_prompt

SYSTEM = Message("system", "brief")
CALL = Message("assistant", "", tool_calls=(ToolCall("call_1", "weather", "{}"),))


def turn(number: int, words: int = 5) -> tuple[Message, Message]:
    return Message("user", f"{number} " + "why " * (words - 1)), Message("assistant", "so " * words)


class Counting:
    """A tokenizer to which each word is a token, and a tool another ten; it counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def template(
        self, model: str, messages: Sequence[Message], tools: tuple[Tool, ...] = (), *, must_call: bool = False
    ) -> Templated:
        text = " ".join(each.content for each in messages)
        self.asked.append(len(text.split()) + 10 * len(tools))
        return Templated(text, self.asked[-1])


def prompting(history: Sequence[Message], most: int, left_out: int = 0, **fields: Any) -> tuple[Prompting, Counting]:
    counting = Counting()
    prompt = a_prompt("now please", **({"truncation": "auto"} | fields))
    return Prompting(cast("Tgi", counting), prompt, History(tuple(history), left_out), most), counting


async def test_what_fits_is_shown_whole_and_asked_for_once() -> None:
    shown, counting = prompting([SYSTEM, *turn(1)], 13)
    for _ in range(3):
        await shown.templated(offering=False)

    assert shown.history == (SYSTEM, *turn(1))
    assert (shown.truncated, counting.asked) == (None, [13])


async def test_the_oldest_turns_are_left_out_whole_and_the_system_prompt_stays() -> None:
    shown, _ = prompting([SYSTEM, *turn(1), *turn(2), *turn(3)], 25)
    text = await shown.templated(offering=False)

    assert isinstance(text, Templated)
    assert shown.history == (SYSTEM, *turn(2), *turn(3))
    assert (text.tokens, shown.truncated) == (23, Truncated(1))


async def test_disabled_leaves_nothing_out() -> None:
    shown, _ = prompting([*turn(1), *turn(2)], 5, truncation="disabled")
    await shown.templated(offering=False)

    assert (shown.history, shown.truncated) == ((*turn(1), *turn(2)), None)


async def test_a_call_and_its_result_are_never_parted() -> None:
    asked, result = Message("user", "Rome?"), Message("tool", "31 " * 5, tool_call_id="call_1")
    last: dict[str, Any] = {"messages": (result,)}
    kept, _ = prompting([*turn(1), asked, CALL], 7, **last)
    await kept.templated(offering=False)
    gone, _ = prompting([asked, CALL, result, Message("assistant", "Warm."), *turn(2)], 14)
    await gone.templated(offering=False)

    assert kept.history == (asked, CALL), "the prompt answers this call"
    assert gone.history == turn(2)


async def test_where_nothing_fits_the_last_turn_alone_is_shown() -> None:
    shown, counting = prompting([SYSTEM, *turn(1), *turn(2)], 1)
    await shown.templated(offering=False)

    assert (shown.history, shown.truncated) == ((SYSTEM,), Truncated(2))
    assert counting.asked[-1] == 3


@pytest.mark.parametrize("words", [(5,) * 200, tuple(range(1, 201)), tuple(range(200, 0, -1)), (1, 999) * 100])
async def test_few_calls_find_the_first_cut_that_fits(words: tuple[int, ...]) -> None:
    turns = [turn(number, each) for number, each in enumerate(words)]
    most = sum(words)
    shown, counting = prompting([message for each in turns for message in each], most)
    text = await shown.templated(offering=False)
    dropped = shown.truncated.turns_dropped if shown.truncated else 0

    assert isinstance(text, Templated)
    assert text.tokens <= most
    assert text.tokens + 2 * words[dropped - 1] > most, "one turn more would not have fitted"
    assert len(counting.asked) <= 9


async def test_tools_count_and_the_free_answer_after_them_is_shown_the_same() -> None:
    tool = Tool("weather")
    shown, _ = prompting([*turn(1), *turn(2)], 22, tools=(tool,))
    with_tools = await shown.templated(offering=True)
    without = await shown.templated(offering=False)

    assert isinstance(with_tools, Templated)
    assert isinstance(without, Templated)
    assert (with_tools.tokens, without.tokens) == (22, 12)
    assert shown.history == turn(2)


def test_a_turn_begins_with_its_user_and_instructions_belong_to_none() -> None:
    two_said = [SYSTEM, *turn(1), SYSTEM, Message("user", "a"), Message("user", "b"), CALL]

    assert turns_in(two_said) == [1, 4]
    assert turns_in([Message("assistant", "Hello."), *turn(1)]) == [0, 1]
    assert turns_in([SYSTEM]) == []


async def test_the_cache_keeps_an_answer_under_what_the_model_was_shown() -> None:
    """Also where the prompt brought the history itself, and a part of its own was left out."""
    own = (SYSTEM, *turn(1), *turn(2), Message("user", "now please"))
    shown, _ = prompting((), 14, messages=own)
    await shown.templated(offering=False)
    prompt = a_prompt(messages=own, truncation="auto")
    answer = a_completed(prompt, history=shown.history, truncated=shown.truncated)

    left = (SYSTEM, *turn(2), own[-1])
    assert shown_of(answer) == left
    assert key_of_shown(prompt, shown_of(answer)) == key_of(a_prompt(messages=left)) != key_of(prompt)


async def test_what_is_far_too_long_is_cut_before_it_is_counted() -> None:
    """A conversation of many megabytes is more than the model server takes."""
    turns = [turn(number, 20_000) for number in range(50)]
    shown, counting = prompting([SYSTEM, *(message for each in turns for message in each)], 50_000)
    await shown.templated(offering=False)

    assert shown.truncated == Truncated(49)
    assert shown.history == (SYSTEM, *turns[-1])
    assert max(counting.asked) < 500_000


async def test_one_turn_alone_is_never_cut() -> None:
    shown, _ = prompting([SYSTEM], 1, messages=(Message("user", "why " * 1_000),))
    await shown.templated(offering=False)

    assert (shown.history, shown.truncated) == ((SYSTEM,), None)


async def test_turns_that_were_not_even_read_are_told_of_too() -> None:
    whole, _ = prompting([SYSTEM, *turn(8)], 100, left_out=7)
    cut, _ = prompting([SYSTEM, *turn(8), *turn(9)], 14, left_out=7)
    for each in (whole, cut):
        await each.templated(offering=False)

    assert (whole.truncated, cut.truncated) == (Truncated(7), Truncated(8))
