"""What a turn leaves in its conversation."""

import msgspec

from producers.conversations.shown import result_without_call
from producers.conversations.turns import Said, Turn, turn_of
from producers.events import Choice, Message, ToolCall, Usage
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt
from tests.support.talk import said_before


def test_an_answer_tells_how_it_came_about_and_a_failed_turn_leaves_nothing() -> None:
    prompt = a_prompt("Why?", conversation="conv_1")
    completed = a_completed(prompt, "So.", finish_reason="length", cache="hit", usage=Usage(3, 1))
    cancelled = a_cancelled(prompt, ran=True, text="So")

    answer = Said("assistant", "So.", finish_reason="length", cache="hit", usage=Usage(3, 1))
    assert turn_of(completed) == (Said("user", "Why?"), answer)
    assert turn_of(cancelled)[-1] == Said("assistant", "So", finish_reason="cancelled")
    assert turn_of(a_cancelled(prompt, ran=True, text="")) == turn_of(a_failed(prompt)) == ()


def test_the_next_turn_knows_what_was_called_and_what_came_back() -> None:
    call = ToolCall("call_1", "weather", "{}")
    asked = a_completed(a_prompt("Rome?", conversation="c"), "", choices=(Choice("", "tool_calls", (call,)),))
    result = a_prompt(messages=(Message("tool", "sunny", tool_call_id="call_1"),), conversation="c")
    turns = [Turn("one", turn_of(asked)), Turn("two", turn_of(a_completed(result, "It is sunny.")))]

    assert said_before(turns) == (
        Message("user", "Rome?"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "sunny", tool_call_id="call_1"),
        Message("assistant", "It is sunny."),
    )


def test_readers_and_writers_of_another_version_understand_each_other() -> None:
    before = msgspec.json.encode([{"role": "user", "content": "Why?"}])
    now = msgspec.json.encode(turn_of(a_completed(a_prompt("Why?"), "So.", cache="hit")))

    assert msgspec.json.decode(before, type=tuple[Said, ...]) == (Said("user", "Why?"),)
    assert msgspec.json.decode(now, type=tuple[Message, ...]) == (Message("user", "Why?"), Message("assistant", "So."))


def test_a_result_in_a_turn_is_that_of_a_call_before_it_which_has_none() -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("call_1", "weather", "{}"),))
    result, asked = Message("tool", "31", tool_call_id="call_1"), Message("user", "Rome?")

    assert result_without_call((asked, call), (result, asked)) is None
    assert result_without_call((), (asked, call, result)) is None
    assert result_without_call((asked,), (asked, result)) == 1
    assert result_without_call((call, result), (result,)) == 0, "it has a result"
    assert result_without_call((call,), (result, result)) == 1
    assert result_without_call((call, result, call), (result,)) is None, "it was made once more"
    assert result_without_call((result, asked), (asked,)) is None, "what an older version let in stays"
