"""What was deleted is not given again from the answer cache, in whatever order the log tells of it."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from producers.answers.answer_cache import AnswerCache
from producers.events import (
    AnswerCompleted,
    ConversationCreated,
    ConversationDeleted,
    ItemsDeleted,
    PromptSubmitted,
    ResponseDeleted,
)
from producers.jobs import record
from producers.log.places import Place
from producers.state.positions import Move
from producers.state.retention import Retention
from stream_workers.views.records import Done
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.life import House
from tests.support.views import applied

CONVERSATION: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}


async def read(house: House, told: Sequence[Any]) -> None:
    """The view reads these, each of a topic and partition of its own, or the next of its own."""
    places: dict[str, int] = {}
    for event in told:
        match event:
            case PromptSubmitted():
                topic = "prompts.standard"
            case AnswerCompleted():
                topic = "answers"
            case _:
                topic = "conversations"
        at = places.get(topic, 0)
        places[topic] = at + 1
        move = Move(Place(topic, 0, at), at, at + 1, timestamp_ms=CLOCK.now_ms())
        assert isinstance(await applied(house.scripts, event, move), Done)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("of_conversation", [False, True], ids=["a response", "a conversation"])
async def test_what_was_deleted_is_not_in_the_cache_whatever_is_read_first(
    house: House, order: tuple[int, ...], of_conversation: bool
) -> None:
    prompt, kept = a_prompt("Forget me.", conversation="conv_1" if of_conversation else None), a_prompt("Keep me.")
    deleted = (
        ConversationDeleted(**CONVERSATION, at_ms=CLOCK.now_ms())
        if of_conversation
        else ResponseDeleted(job_id=prompt.job_id, tenant=prompt.tenant)
    )
    events = (prompt, a_completed(prompt), deleted)
    await read(house, [*(events[each] for each in order), a_completed(kept)])
    cache = AnswerCache(house.scripts)

    assert await cache.recall(prompt) is None
    assert await cache.recall(kept) is not None


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_what_was_answered_to_a_deleted_item_is_not_in_the_cache_whatever_is_read_first(
    house: House, order: tuple[int, ...]
) -> None:
    turn, kept = (a_prompt(text, conversation="conv_1") for text in ("Forget me.", "Keep me."))
    deleted = ItemsDeleted(**CONVERSATION, items=("msg_1",), jobs=(turn.job_id,), at_ms=CLOCK.now_ms())
    events = (turn, a_completed(turn), deleted)
    created = ConversationCreated(**CONVERSATION, at_ms=CLOCK.now_ms())
    await read(house, [created, *(events[each] for each in order), a_completed(kept)])
    cache = AnswerCache(house.scripts)

    assert await cache.recall(turn) is None
    assert await cache.recall(kept) is not None


async def test_an_item_that_is_deleted_again_takes_no_later_answer_from_the_cache(house: House) -> None:
    turn, anew = (a_prompt("Why?", conversation=each) for each in ("conv_1", None))
    deleted = ItemsDeleted(**CONVERSATION, items=("msg_1",), jobs=(turn.job_id,), at_ms=CLOCK.now_ms())
    await read(house, [ConversationCreated(**CONVERSATION, at_ms=CLOCK.now_ms()), a_completed(turn)])
    cache, before = AnswerCache(house.scripts), await AnswerCache(house.scripts).recall(turn)
    await house.conversations.leave_out(deleted)
    after = await cache.recall(turn)
    await applied(house.scripts, a_completed(anew), Move(Place("answers", 1, 0), 0, 1, timestamp_ms=CLOCK.now_ms()))
    await house.conversations.leave_out(deleted)

    assert before is not None
    assert after is None
    assert await cache.recall(turn) is not None


async def test_an_answer_goes_from_the_cache_with_the_call_that_deletes_it(house: House) -> None:
    response, turn = a_prompt("one"), a_prompt("two", conversation="conv_1")
    cache = AnswerCache(house.scripts)
    await read(house, [ConversationCreated(**CONVERSATION, at_ms=CLOCK.now_ms()), a_completed(response)])
    await applied(house.scripts, a_completed(turn), Move(Place("answers", 1, 0), 0, 1, timestamp_ms=CLOCK.now_ms()))
    before = [await cache.recall(each) is not None for each in (response, turn)]

    await record.forget(house.scripts, response.job_id, Retention())
    await house.conversations.forget(ConversationDeleted(**CONVERSATION, at_ms=CLOCK.now_ms()))

    assert before == [True, True]
    assert [await cache.recall(each) for each in (response, turn)] == [None, None]


async def test_who_was_told_from_the_cache_takes_nothing_from_it_when_deleted(house: House) -> None:
    first, again = a_prompt(), a_prompt()
    told = a_completed(again, cache="hit")
    await read(house, [a_completed(first), told])

    await record.forget(house.scripts, again.job_id, Retention())

    assert await AnswerCache(house.scripts).recall(first) is not None
