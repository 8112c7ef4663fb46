"""Turns of a conversation run in order, and each leaves in its history what it should."""

from itertools import permutations
from typing import Any

import pytest

from producers.conversations.store import Page
from producers.conversations.turns import Said, Turn
from producers.events import (
    ConversationCreated,
    ConversationDeleted,
    ConversationUpdated,
    ItemsAdded,
    ItemsDeleted,
    Message,
    Terminal,
)
from producers.jobs.intake import Accepted, NotAccepted
from producers.jobs.lease import Parked
from producers.log.places import Place
from producers.state.positions import Move
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.life import QUOTA, House, claimed
from tests.support.talk import said_in, turns_of
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
    assert await said_in(house.conversations, "conv_1", before=9) == (
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

    assert await said_in(house.conversations, "conv_1") == (Message("user", "long"), Message("assistant", "so far"))


async def test_a_deleted_conversation_stays_deleted_when_the_log_is_read_again(house: House) -> None:
    created = ConversationCreated(conversation="conv_1", tenant="acme", at_ms=1.0)
    prompt = a_prompt(conversation="conv_1")
    await house.conversations.open(created)
    await house.conversations.forget(ConversationDeleted(conversation="conv_1", tenant="acme"))
    await house.conversations.open(created)
    await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())

    assert await house.conversations.read("conv_1") is None
    assert await house.conversations.of_tenant("acme", 20) == Page((), has_more=False)
    assert await said_in(house.conversations, "conv_1") == ()
    assert await house.intake.accept(a_prompt(conversation="conv_1"), QUOTA) == NotAccepted("no_conversation")


async def test_two_may_ask_to_replace_one_turn_and_the_log_decides(house: House) -> None:
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=CLOCK.now_ms()))
    first = a_prompt("one", conversation="conv_1")
    await claimed(house.leases, first, 0)
    await house.settling.settle(a_completed(first), 0, 0, CLOCK.now_ms())
    one, two = (a_prompt("one", conversation="conv_1", replaces=first.job_id) for _ in range(2))

    entered = []
    for place, prompt in enumerate((one, two), start=1):
        entered.append(await house.intake.accept(prompt, QUOTA))
        await house.intake.acknowledge(prompt.job_id, "conv_1", place)
    await claimed(house.leases, one, 1)
    await house.settling.settle(a_completed(one, "new"), 0, 1, CLOCK.now_ms())

    assert [type(each) for each in entered] == [Accepted, Accepted]
    assert await said_in(house.conversations, "conv_1", before=2, replaces=first.job_id) is None


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
    kept = await said_in(house.conversations, "conv_1")
    await house.intake.accept(again, QUOTA)
    await claimed(house.leases, again, 3)
    shown_to_the_model = await said_in(house.conversations, "conv_1", before=3, replaces=last.job_id)
    for _ in range(2):
        await house.settling.settle(a_completed(again, "new"), 0, 3, CLOCK.now_ms())

    assert not_last == NotAccepted("not_last")
    assert kept is not None
    assert shown_to_the_model is not None
    assert [message.content for message in kept] == ["one", f"old {first.job_id}", "two", f"old {last.job_id}"]
    assert [message.content for message in shown_to_the_model] == ["one", f"old {first.job_id}"]
    assert [turn.job_id for turn in await turns_of(house.conversations, "conv_1")] == [first.job_id, again.job_id]
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

    assert await said_in(house.conversations, "conv_1") == (Message("user", "one"), Message("assistant", "answer 2"))
    places = await house.scripts.redis.zrange(f"{house.scripts.prefix}conversation:conv_1:turns", 0, -1)
    assert places == [third.job_id.encode()]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_conversation_is_the_same_in_whatever_order_its_topics_are_read(
    house: House, order: tuple[int, ...]
) -> None:
    """What was added keeps its place, and what was deleted stays away, also where its turn is read later."""
    turns = [a_prompt(text, conversation="conv_1") for text in ("one", "two")]
    about: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}
    gone = Turn(turns[0].job_id, (Said("user", "one"),), "conv_1").items()
    topics: list[list[Any]] = [
        turns,
        [a_completed(each, f"answer {at}") for at, each in enumerate(turns)],
        [
            ConversationCreated(**about, title="Sky", at_ms=1.0),
            ItemsAdded(**about, messages=(Message("system", "first of all"),)),
            ItemsAdded(**about, messages=(Message("user", "between"),), after=0),
            ItemsAdded(**about, messages=(Message("user", "and another"),), after=0),
            ItemsDeleted(**about, items=tuple(each.id for each in gone)),
            ConversationUpdated(**about, title="Sea"),
        ],
    ]
    for _ in range(2):
        for which in order:
            name = ("prompts.standard", "answers", "conversations")[which]
            for at, event in enumerate(topics[which]):
                await applied(house.scripts, event, Move(Place(name, 0, at), at, at + 1, 1.0))
        # The whole log is read a second time, over what is there.
        await house.scripts.redis.delete(f"{house.scripts.prefix}view:state:positions")

    history = await said_in(house.conversations, "conv_1")
    found = await house.conversations.read("conv_1")
    texts = [each.content for each in history or ()]
    assert texts == ["first of all", "answer 0", "between", "and another", "two", "answer 1"]
    assert found is not None
    assert found.title == "Sea"


async def test_a_prompt_that_the_log_holds_twice_keeps_its_first_place(house: House) -> None:
    """Its acknowledgement got lost, so that it was sent once more: the turn after it has to wait all the same."""
    twice, after = a_prompt("one", conversation="conv_1"), a_prompt("two", conversation="conv_1")
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=CLOCK.now_ms()))
    await house.intake.accept(twice, QUOTA)
    await house.intake.acknowledge(twice.job_id, "conv_1", 9)
    await claimed(house.leases, twice, place=5)

    assert await house.other.claim(after, 7) == Parked("behind", 0.25)


async def test_a_turn_waits_for_the_one_before_past_what_was_added_between(house: House) -> None:
    first, second = a_prompt("one", conversation="conv_1"), a_prompt("two", conversation="conv_1")
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=CLOCK.now_ms()))
    await claimed(house.leases, first, place=4)
    for offset in (7, 8):
        between = (Message("user", "between"),)
        await house.conversations.add(
            ItemsAdded(conversation="conv_1", tenant="acme", messages=between, after=4), offset
        )

    assert await house.other.claim(second, 9) == Parked("behind", 0.25)


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
