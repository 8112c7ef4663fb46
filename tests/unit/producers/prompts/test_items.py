"""Items to messages, and back to items."""

import msgspec
import pytest

from infra.errors import WrongField
from producers.conversations.turns import Turn, said
from producers.events import Message, ToolCall
from producers.prompts.items import ItemBody, check_results, messages_of, results_of_others

CALLS = [{"type": "function_call", "call_id": f"call_{n}", "name": "weather", "arguments": "{}"} for n in (1, 2)]
RESULTS = [{"type": "function_call_output", "call_id": f"call_{n}", "output": f"{n}"} for n in (1, 2)]


def read(*items: object) -> tuple[Message, ...]:
    return messages_of(msgspec.convert(items, list[ItemBody]), "input")


def test_calls_that_follow_one_another_are_one_message_of_the_assistant() -> None:
    parts = [{"type": "input_text", "text": "Ro"}, {"type": "input_text", "text": "me?"}]
    messages = read({"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}, *CALLS, *RESULTS)

    assert messages == (
        Message("system", "Be brief."),
        Message("user", "Rome?"),
        Message("assistant", "", tool_calls=(ToolCall("call_1", "weather", "{}"), ToolCall("call_2", "weather", "{}"))),
        Message("tool", "1", tool_call_id="call_1"),
        Message("tool", "2", tool_call_id="call_2"),
    )


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "user"}, "input[0].content"),
        ({"content": "x"}, "input[0].role"),
        ({"type": "item_reference", "id": "msg_1"}, "input[0].type"),
        ({**CALLS[0], "call_id": ""}, "input[0].call_id"),
        ({"type": "function_call_output", "output": "1"}, "input[0].call_id"),
        ({"type": "function_call_output", "call_id": "call_1"}, "input[0].output"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0].type"),
    ],
)
def test_an_item_that_we_cannot_take_is_refused_by_its_name(item: object, param: str) -> None:
    with pytest.raises(WrongField) as refused:
        read(item)

    assert refused.value.field == param


def test_what_is_left_of_a_turn_is_what_was_not_deleted() -> None:
    both = Message("assistant", "I ask.", tool_calls=(ToolCall("a", "weather", "{}"), ToolCall("b", "weather", "{}")))
    turn = Turn("job_1", said((Message("user", "Why?"), both, Message("tool", "31", tool_call_id="a"))), "conv_1")
    question, text, a, b, result = turn.items()
    without = {
        each.id: [
            (left.role, left.content, [call.id for call in left.tool_calls])
            for left in Turn(turn.job_id, turn.messages, "conv_1", frozenset({each.id.encode()})).left()
        ]
        for each in (question, text, a, result)
    }

    assert [each.call_id for each in (question, text, a, b, result)] == [None, None, "a", "b", "a"]
    assert without == {
        question.id: [("assistant", "I ask.", ["a", "b"]), ("tool", "31", [])],
        text.id: [("user", "Why?", []), ("assistant", "", ["a", "b"]), ("tool", "31", [])],
        a.id: [("user", "Why?", []), ("assistant", "I ask.", ["b"]), ("tool", "31", [])],
        result.id: [("user", "Why?", []), ("assistant", "I ask.", ["a", "b"])],
    }


@pytest.mark.parametrize(
    ("items", "unanswered", "wrong"),
    [
        ([*CALLS, *RESULTS], (), None),
        (RESULTS, ("call_1", "call_2"), None),
        ([RESULTS[0], *CALLS], (), "items[0].call_id"),
        ([CALLS[0], *RESULTS], (), "items[2].call_id"),
        ([CALLS[0], RESULTS[0], RESULTS[0]], (), "items[2].call_id"),
        ([RESULTS[1], RESULTS[1]], ("call_2",), "items[1].call_id"),
        ([CALLS[0], RESULTS[0], CALLS[0], RESULTS[0]], (), None),
    ],
)
def test_a_result_is_that_of_one_call_before_it(items: object, unanswered: tuple[str, ...], wrong: str | None) -> None:
    given = msgspec.convert(items, list[ItemBody])
    if wrong is None:
        check_results(given, "items", unanswered)
        return
    with pytest.raises(WrongField) as raised:
        check_results(given, "items", unanswered)

    assert raised.value.field == wrong


def test_only_calls_that_are_not_among_the_items_are_looked_for() -> None:
    given = msgspec.convert([CALLS[0], *RESULTS, RESULTS[1]], list[ItemBody])

    assert results_of_others(given) == ["call_2"]
