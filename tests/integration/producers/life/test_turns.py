"""Turns of a conversation run in order, and each leaves in its history what it should."""

from producers.conversations import Page
from producers.events import ConversationCreated, ConversationDeleted, Message, Terminal
from producers.jobs.intake import Refused
from producers.jobs.lease import Parked
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.life import QUOTA, House, claimed


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
    assert await house.intake.accept(a_prompt(conversation="conv_1"), QUOTA) == Refused("no_conversation")
