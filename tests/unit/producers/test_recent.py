"""What is read of a conversation before its next turn: of a long one the newest turns, whole, and all instructions."""

import random

import pytest

from producers.conversations.recent import History
from producers.conversations.shown import turns_in, without_oldest
from producers.conversations.turns import Said, Turn
from producers.events import Message, ToolCall
from tests.support.talk import read_before, said_before

TURNS = [
    Turn(job, (Said("user", f"{job}?"), Said("assistant", f"{job}!", finish_reason="stop"))) for job in ("one", "two")
]
USER, ASSISTANT = (Message("user", "next"),), (Message("tool", "31", tool_call_id="call_1"),)


def added(*said: tuple[str, int]) -> Turn:
    return Turn("added:0", tuple(Said(role, "x" * size) for role, size in said))


def read(*turns: Turn, most_bytes: int = 10) -> History:
    found = read_before(turns, most_bytes=most_bytes)
    assert found is not None
    return found


def shape(history: History) -> list[tuple[str, int]]:
    return [(each.role, len(each.content)) for each in history.messages]


def test_only_the_last_turn_before_a_prompt_in_the_log_is_replaced() -> None:
    words = ["one?", "one!", "two?", "two!"]

    assert [each.content for each in said_before(TURNS) or ()] == words
    assert [each.content for each in said_before(TURNS, replaces="two") or ()] == words[:2]
    assert said_before(TURNS, replaces="one") is None, "another turn came after it"
    assert said_before(TURNS, replaces="gone") is None, "it was replaced before, or deleted"
    assert said_before([], replaces="one") is None


@pytest.mark.parametrize("seed", range(30))
def test_no_more_is_kept_than_is_asked_for_and_what_is_left_out_are_the_oldest_turns(seed: int) -> None:
    chance = random.Random(seed)
    said = [(chance.choice(["user", "assistant", "tool", "system"]), chance.randint(0, 5)) for _ in range(60)]
    told = [Message(role, "x" * size) for role, size in said]
    found = read(*(added(*said[at : at + 3]) for at in range(0, 60, 3)), most_bytes=100)

    assert not found.instructions_are_cut
    if found.last_is_cut:
        assert found.left_out == len(turns_in(told)) - 1
    else:
        assert found.messages == without_oldest(told, found.left_out)
    assert sum(len(each.content) for each in found.messages if each.role != "system") <= 105
    one_more = without_oldest(told, found.left_out - 1) if found.left_out else ()
    assert not one_more or sum(len(each.content) for each in one_more if each.role != "system") > 100


def test_a_last_turn_too_long_to_be_held_gives_way_to_the_next_but_not_within_itself() -> None:
    """Many messages that one side said in a row are one turn, however long."""
    begun = read(added(("system", 3), ("user", 1), ("assistant", 1)), *(added(("user", 9)) for _ in range(50)))
    answered = read(added(("system", 3)), *(added(("user", 9)) for _ in range(50)), added(("assistant", 2)))

    assert shape(begun) == [("system", 3), ("user", 9), ("user", 9)]
    assert begun.ahead_of(USER) is None
    assert answered.ahead_of(ASSISTANT) is None
    assert answered.ahead_of(USER) == History((Message("system", "xxx"),), left_out=1)
    assert (begun.is_whole, answered.is_whole) == (False, False)


def test_instructions_that_nobody_could_read_are_not_held_either() -> None:
    found = read(*(added(("system", 4), ("user", 1), ("assistant", 1)) for _ in range(50)))

    assert shape(found)[:2] == [("system", 4)] * 2
    assert sum(size for role, size in shape(found) if role == "system") <= 10
    assert found.ahead_of(USER) is None


def test_what_a_call_is_told_counts_as_text() -> None:
    call = Turn("one", (Said("user", "?"), Said("assistant", "", tool_calls=(ToolCall("call_1", "f", "x" * 20),))))
    found = read(call, added(("user", 1), ("assistant", 1)))

    assert (found.left_out, shape(found)) == (1, [("user", 1), ("assistant", 1)])
