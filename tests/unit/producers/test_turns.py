"""What a turn leaves in its conversation, and which turns a prompt comes after."""

import msgspec

from producers.events import Message, Usage
from producers.jobs.turns import Said, Turn, history_of, turn_of
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

TURNS = [Turn(job, (Said("user", f"{job}?"), Said("assistant", f"{job}!", "stop"))) for job in ("one", "two")]


def test_an_answer_tells_how_it_came_about_and_a_failed_turn_leaves_nothing() -> None:
    prompt = a_prompt("Why?", conversation="conv_1")
    completed = a_completed(prompt, "So.", finish_reason="length", cache="hit", usage=Usage(3, 1))
    cancelled = a_cancelled(prompt, ran=True, text="So")

    assert turn_of(completed) == (Said("user", "Why?"), Said("assistant", "So.", "length", "hit", Usage(3, 1)))
    assert turn_of(cancelled)[-1] == Said("assistant", "So", "cancelled")
    assert turn_of(a_cancelled(prompt, ran=True, text="")) == turn_of(a_failed(prompt)) == ()


def test_readers_and_writers_of_another_version_understand_each_other() -> None:
    before = msgspec.json.encode([{"role": "user", "content": "Why?"}])
    now = msgspec.json.encode(turn_of(a_completed(a_prompt("Why?"), "So.", cache="hit")))

    assert msgspec.json.decode(before, type=tuple[Said, ...]) == (Said("user", "Why?"),)
    assert msgspec.json.decode(now, type=tuple[Message, ...]) == (Message("user", "Why?"), Message("assistant", "So."))


def test_only_the_last_turn_before_a_prompt_in_the_log_is_replaced() -> None:
    words = ["one?", "one!", "two?", "two!"]

    assert [each.content for each in history_of(TURNS) or ()] == words
    assert [each.content for each in history_of(TURNS, replaces="two") or ()] == words[:2]
    assert history_of(TURNS, replaces="one") is None, "another turn came after it"
    assert history_of(TURNS, replaces="gone") is None, "it was replaced before, or deleted"
    assert history_of([], replaces="one") is None
