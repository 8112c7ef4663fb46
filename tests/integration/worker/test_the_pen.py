"""The worker's pen against a real broker: what is refused takes nothing else with it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from faust.contrib.asgi import bind_to_running_loop

from infra.errors import TooLarge, Unavailable
from infra.settings import KafkaSettings
from infra.telemetry.metrics import Metrics
from producers.events import ConversationCreated, ConversationDeleted
from producers.log.topics import CONVERSATIONS
from stream_workers.app import WorkerApp, create_app
from stream_workers.pen import FaustPen
from tests.support.eventually import eventually
from tests.support.topics import a_narrow_topic, read_all

SMALL = ConversationDeleted(conversation="conv_1", tenant="acme")
LARGE = ConversationCreated(conversation="conv_1", tenant="acme", title="x" * 30_000)


@pytest.fixture
def app(kafka_settings: KafkaSettings) -> WorkerApp:
    """A worker's app on a log that takes no large titles."""
    a_narrow_topic(kafka_settings, CONVERSATIONS, 20_000)
    return create_app(kafka_settings, "worker")


@pytest.fixture
async def pen(app: WorkerApp, kafka_settings: KafkaSettings) -> AsyncIterator[FaustPen]:
    """The pen of a worker that takes no prompts."""
    bind_to_running_loop(app)
    await app.producer.start()
    made = FaustPen(app, replace(kafka_settings, delivery_timeout_s=10.0), Metrics())
    yield made
    await made.close()
    await app.producer.stop()


async def test_a_record_that_the_broker_alone_refuses_takes_no_later_one_with_it(pen: FaustPen) -> None:
    for number in range(3):
        with pytest.raises(TooLarge):
            await pen.publish(CONVERSATIONS, "conv_1", LARGE)

        assert (await pen.publish(CONVERSATIONS, "conv_1", SMALL)).offset == number


async def test_a_mention_that_the_broker_refuses_takes_no_later_record_with_it(pen: FaustPen) -> None:
    pen.mention(CONVERSATIONS, "conv_1", LARGE)
    pen.mention(CONVERSATIONS, "conv_2", SMALL)

    await eventually(lambda: publishes(pen), what="a record that is written")
    assert await publishes(pen)


async def test_mentions_go_on_after_one_that_cannot_even_be_encoded(
    pen: FaustPen, kafka_settings: KafkaSettings
) -> None:
    pen.mention(CONVERSATIONS, "conv_1", object())
    pen.mention(CONVERSATIONS, "conv_1", SMALL)

    async def is_written() -> bool:
        return await read_all(kafka_settings, CONVERSATIONS) == [SMALL]

    await eventually(is_written, what="the mention after it")


async def test_what_was_mentioned_last_is_told_though_the_pen_is_closed(
    pen: FaustPen, kafka_settings: KafkaSettings
) -> None:
    pen.mention(CONVERSATIONS, "conv_1", SMALL)

    await pen.close()

    async def is_written() -> bool:
        return await read_all(kafka_settings, CONVERSATIONS) == [SMALL]

    await eventually(is_written, what="the mention")


async def publishes(pen: FaustPen) -> bool:
    try:
        await pen.publish(CONVERSATIONS, "conv_1", SMALL)
    except Unavailable:
        return False
    return True
