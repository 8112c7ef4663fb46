"""A conversation in use outlives the record of its creation in the log, also where Redis is lost."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.conversations.store import Conversation, Conversations
from producers.events import ConversationCreated, ConversationDeleted, ConversationUpdated, ItemsAdded, Message
from producers.jobs.settling import Settling
from producers.log.topics import CONVERSATIONS
from producers.state.retention import Retention
from producers.state.view import TOPICS
from stream_workers.fanout.keeper import Keeper
from stream_workers.fanout.state_view import StateView
from tests.integration.views.conftest import House, a_house, following
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.talk import said_in
from tests.support.topics import expire, read_all

DAY_MS = 86_400_000
ABOUT: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}
LONG_AGO_MS = float(int(CLOCK.now_ms() - 60 * DAY_MS))


class Deleted(Conversations):
    """Is deleted as soon as it was read, if told so."""

    once_read = False

    async def read(self, conversation: str) -> Conversation | None:
        found = await super().read(conversation)
        if self.once_read and found is not None:
            await self.forget(ConversationDeleted(conversation=conversation, tenant=found.tenant))
        return found


def conversations_of(house: House) -> Conversations:
    return Conversations(house.scripts, Retention())


def a_keeper(house: House) -> Keeper:
    return Keeper(house.scripts, conversations_of(house), house.parts.publisher, CLOCK)


@pytest.mark.parametrize("left", ["deleted", "used"])
async def test_a_turn_asks_for_it_and_what_is_deleted_meanwhile_stays_so(
    house: House, kafka_settings: KafkaSettings, left: str
) -> None:
    """Of what was said last in the log the deletion is, or who reads it anew would have the conversation again."""
    conversations, prompt = Deleted(house.scripts, Retention()), a_prompt(conversation="conv_1")
    conversations.once_read = left == "deleted"
    for topic in TOPICS:
        for partition in range(topic.partitions):
            view = StateView(house.scripts, Retention())
            await view.positions.mark_whole(topic.name, partition, is_whole=True)
    await conversations.open(ConversationCreated(**ABOUT, at_ms=LONG_AGO_MS))
    await Settling(house.scripts, Retention()).settle(a_completed(prompt), 0, 0, CLOCK.now_ms())

    assert await Keeper(house.scripts, conversations, house.parts.publisher, CLOCK).tell() == 1
    said = [type(each) for each in await read_all(kafka_settings, CONVERSATIONS)]
    assert said == [ConversationCreated, ConversationDeleted][: 2 if left == "deleted" else 1]


async def test_a_conversation_in_use_outlives_its_creation_in_the_log(
    house: House, kafka_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    """It was created 60 days ago, renamed and used today; then its oldest records expire, and Redis is lost."""
    publisher = house.parts.publisher
    created = ConversationCreated(**ABOUT, title="old", metadata={"a": "b"}, at_ms=LONG_AGO_MS)
    added = ItemsAdded(**ABOUT, messages=(Message("system", "Be brief."),), at_ms=CLOCK.now_ms())
    await publisher.publish(CONVERSATIONS, "conv_1", created)
    renamed = await publisher.publish(CONVERSATIONS, "conv_1", ConversationUpdated(**ABOUT, title="new"))
    await publisher.publish(CONVERSATIONS, "conv_1", added)
    young: dict[str, Any] = {"conversation": "conv_2", "tenant": "acme", "at_ms": CLOCK.now_ms()}
    await publisher.publish(CONVERSATIONS, "conv_1", ConversationCreated(**young))
    await publisher.publish(CONVERSATIONS, "conv_1", ItemsAdded(**young, messages=added.messages))
    async with following(house.state_view()):
        told = [await a_keeper(house).tell() for _ in range(2)]
        lived = await conversations_of(house).read("conv_1")
    await expire(kafka_settings, CONVERSATIONS, renamed.partition, renamed.offset + 1)

    anew = replace(redis_settings, prefix=f"{redis_settings.prefix}anew.")
    async with a_house(kafka_settings, anew) as other, following(other.state_view()):
        rebuilt = await conversations_of(other).read("conv_1")
        history = await said_in(conversations_of(other), "conv_1")

    assert told == [1, 0]
    size_bytes = len(msgspec.json.encode(added.messages))
    assert lived == Conversation("conv_1", "acme", "new", {"a": "b"}, LONG_AGO_MS, None, size_bytes)
    assert rebuilt == lived
    assert history == added.messages
