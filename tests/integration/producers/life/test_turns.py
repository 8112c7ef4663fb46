"""Turns of a conversation run in order, and each leaves in its history what it should."""

from itertools import permutations
from typing import Any

import pytest

from producers.conversations import Page
from producers.events import ConversationCreated, ConversationDeleted, ConversationUpdated, Message, Terminal
from producers.jobs.intake import NotAccepted
from producers.jobs.lease import Parked
from producers.jobs.positions import Move
from producers.places import Place
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.life import QUOTA, House, claimed
from tests.support.views import applied


async def test_turns_of_a_conversation_wait_for_the_one_before_and_see_its_text(house: House) -> None:
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=CLOCK.now_ms()))
    first, second = a_prompt("one", conversation="conv_1"), a_prompt("two", conversation="conv_1")
    lease = await claimed(house.leases, first, place=4)
    behind = await house.other.claim(second, 9)
    await house.leases.finish(lease, a_completed(first, "answer one"))
    await house.settling.settle(a_completed(first, "answer one"), 0, 0, CLOCK.now_ms())

    await claimed(house.other, second, place=9)

    assert behind == Parked("behind", 0.25)
    assert await house.conversations.history("conv_1", before=9) == (
        Message("user", "one"),
        Message("assistant", "answer one"),
    )


async def test_a_failed_turn_leaves_no_trace_and_a_cancelled_one_what_was_shown(house: House) -> None:
    failed, cut, unheard = (a_prompt(text, conversation="conv_1") for text in ("bad", "long", "slow"))
    endings: tuple[Terminal, ...] = (
        a_failed(failed),
        a_cancelled(cut, ran=True, text="so far"),
        a_cancelled(unheard, ran=True, text=""),
    )
    for place, ending in enumerate(endings):
        await claimed(house.leases, ending.prompt, place)
        await house.settling.settle(ending, 0, place, CLOCK.now_ms())

    assert await house.conversations.history("conv_1") == (Message("user", "long"), Message("assistant", "so far"))


async def test_a_deleted_conversation_stays_deleted_when_the_log_is_read_again(house: House) -> None:
    created = ConversationCreated(conversation="conv_1", tenant="acme", at_ms=1.0)
    prompt = a_prompt(conversation="conv_1")
    await house.conversations.open(created)
    await house.conversations.forget(ConversationDeleted(conversation="conv_1", tenant="acme"))
    await house.conversations.open(created)
    await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())

    assert await house.conversations.read("conv_1") is None
    assert await house.conversations.of_tenant("acme", 20) == Page((), has_more=False)
    assert await house.conversations.history("conv_1") == ()
    assert await house.intake.accept(a_prompt(conversation="conv_1"), QUOTA) == NotAccepted("no_conversation")


async def test_a_turn_takes_the_place_of_the_last_one_once_it_is_answered(house: House) -> None:
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=CLOCK.now_ms()))
    first, last = a_prompt("one", conversation="conv_1"), a_prompt("two", conversation="conv_1")
    for place, prompt in enumerate((first, last)):
        await claimed(house.leases, prompt, place)
        await house.settling.settle(a_completed(prompt, f"old {prompt.job_id}"), 0, place, CLOCK.now_ms())
    not_last = await house.intake.accept(a_prompt(conversation="conv_1", replaces=first.job_id), QUOTA)
    failing = a_prompt("two", conversation="conv_1", replaces=last.job_id)
    again = a_prompt("two", conversation="conv_1", replaces=last.job_id)

    await claimed(house.leases, failing, 2)
    await house.settling.settle(a_failed(failing), 0, 2, CLOCK.now_ms())
    kept = await house.conversations.history("conv_1")
    await house.intake.accept(again, QUOTA)
    await claimed(house.leases, again, 3)
    shown_to_the_model = await house.conversations.history("conv_1", before=3, replaces=last.job_id)
    for _ in range(2):
        await house.settling.settle(a_completed(again, "new"), 0, 3, CLOCK.now_ms())

    assert not_last == NotAccepted("not_last")
    assert kept is not None
    assert shown_to_the_model is not None
    assert [message.content for message in kept] == ["one", f"old {first.job_id}", "two", f"old {last.job_id}"]
    assert [message.content for message in shown_to_the_model] == ["one", f"old {first.job_id}"]
    assert [turn.job_id for turn in await house.conversations.turns("conv_1")] == [first.job_id, again.job_id]
    assert await house.intake.accept(a_prompt(conversation="conv_1", replaces=last.job_id), QUOTA) == not_last


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_a_replaced_turn_stays_replaced_in_whatever_order_the_log_is_read(
    house: House, order: tuple[int, ...]
) -> None:
    """Endings lie in many partitions: the view may read of the last turn before it reads of those it replaced."""
    first = a_prompt("one", conversation="conv_1")
    second = a_prompt("one", conversation="conv_1", replaces=first.job_id)
    third = a_prompt("one", conversation="conv_1", replaces=second.job_id)
    prompts = [
        (prompt, Move(Place("prompts.standard", 0, at), at, at + 1, 0.0))
        for at, prompt in enumerate((first, second, third))
    ]
    endings = [
        (a_completed(prompt, f"answer {at}"), Move(Place("answers", at, 0), 0, 1, 1.0))
        for at, prompt in enumerate((first, second, third))
    ]
    # The prompts keep their order among themselves: they come at one of four moments between the endings.
    told: list[tuple[Any, Move]] = [endings[at] for at in order if at < 3]
    told[order.index(3) : order.index(3)] = prompts

    for event, move in told:
        await applied(house.scripts, event, move)

    assert await house.conversations.history("conv_1") == (Message("user", "one"), Message("assistant", "answer 2"))
    places = await house.scripts.redis.zrange(f"{house.scripts.prefix}conversation:conv_1:turns", 0, -1)
    assert places == [third.job_id.encode()]


async def test_the_later_change_of_a_title_wins_whoever_applies_it_first(house: House) -> None:
    created = ConversationCreated(conversation="conv_1", tenant="acme", title="first", metadata={"a": "b"}, at_ms=1.0)
    changes = [
        ConversationUpdated(conversation="conv_1", tenant="acme", title="second", metadata={}),
        ConversationUpdated(conversation="conv_1", tenant="acme", title="third"),
    ]
    await house.conversations.open(created)
    await house.conversations.update(changes[1], 8)
    await house.conversations.update(changes[0], 7)
    for at, event in enumerate((created, *changes)):
        await applied(house.scripts, event, Move(Place("conversations", 0, at + 6), 0 if not at else at + 6, 9, 0.0))

    found = await house.conversations.read("conv_1")
    assert found is not None
    assert (found.title, found.metadata) == ("third", {})


async def test_a_conversation_that_was_deleted_takes_no_title(house: House) -> None:
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=1.0))
    await house.conversations.forget(ConversationDeleted(conversation="conv_1", tenant="acme"))
    await house.conversations.update(ConversationUpdated(conversation="conv_1", tenant="acme", title="late"), 3)

    assert await house.conversations.read("conv_1") is None
    assert await house.scripts.redis.hget(f"{house.scripts.prefix}conversation:conv_1", "title") is None
