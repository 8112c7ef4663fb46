"""The pen against a real broker: what it promises while the broker is there, and while it is not."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.produce import ProduceRequest
from kafka import TopicPartition

from infra import kafka
from infra.errors import TooLarge, Unavailable
from infra.kafka_producer import Producer
from infra.settings import KafkaSettings
from producers.access.registry import RegistryReader
from producers.events import ConversationCreated, ConversationDeleted, Message, PromptSubmitted, TenantDefined
from producers.log import codec, partitioning, topic_admin
from producers.log.outgoing import Written
from producers.log.publisher import Publisher
from producers.log.topics import CONVERSATIONS, REGISTRY, Topic, prompts
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.stack import RunningKafka
from tests.support.topics import a_narrow_topic, read_all

STANDARD = prompts("standard")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def a_prompt(job_id: str = "job_1", conversation: str | None = None) -> PromptSubmitted:
    return PromptSubmitted(
        job_id=job_id, tenant="acme", key_id="key_1", lane="standard", model="m", messages=(Message("user", "Why?"),),
        conversation=conversation, traceparent=TRACEPARENT,
    )  # fmt: skip


@asynccontextmanager
async def writing(settings: KafkaSettings) -> AsyncIterator[Publisher]:
    pen = Publisher(settings, "test")
    pen.start()
    try:
        await pen.wait_connected(45)
        yield pen
    finally:
        await pen.close()


def read_back(settings: KafkaSettings, topic: Topic, count: int) -> list[Any]:
    """The first records of a topic, in all its partitions."""
    reader = kafka.consumer(settings, "test-reader")
    try:
        name = f"{settings.topic_prefix}{topic.name}"
        reader.assign([TopicPartition(name, each) for each in range(topic.partitions)])
        found: list[Any] = []
        deadline = time.monotonic() + 45
        while len(found) < count and time.monotonic() < deadline:
            found += [record for records in reader.poll(timeout_ms=200).values() for record in records]
        return found
    finally:
        reader.close()


@pytest.fixture
def log(kafka_settings: KafkaSettings) -> KafkaSettings:
    topic_admin.create(kafka_settings, [STANDARD, CONVERSATIONS, REGISTRY])
    return kafka_settings


async def test_prompts_of_one_turn_of_the_loop_set_out_together(
    log: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, send = 0, AIOKafkaClient.send

    async def count(client: AIOKafkaClient, node: Any, request: Any, **options: Any) -> Any:
        nonlocal requests
        requests += isinstance(request, ProduceRequest)
        return await send(client, node, request, **options)

    async with writing(log) as pen:
        # A topic that was just made may refuse a first request to a partition, which is then sent again.
        await asyncio.gather(*(pen.submit(a_prompt(f"job_before_{each}")) for each in range(100)))
        monkeypatch.setattr(AIOKafkaClient, "send", count)
        written = await asyncio.gather(*(pen.submit(a_prompt(f"job_{each}")) for each in range(100)))

    assert len({(each.partition, each.offset) for each in written}) == 100
    assert len({each.partition for each in written}) == partitioning.SHARE
    assert requests == 1


async def test_a_prompt_is_where_the_receipt_says_with_its_key_and_headers(log: KafkaSettings) -> None:
    async with writing(log) as pen:
        before_ms = time.time() * 1000
        written = await pen.submit(a_prompt())
        after_ms = time.time() * 1000

    (record,) = await asyncio.to_thread(read_back, log, STANDARD, 1)
    assert (record.partition, record.offset) == (written.partition, written.offset)
    assert record.partition == partitioning.of_prompt("acme", "job_1", STANDARD.partitions)
    assert record.key == b"job_1"
    assert dict(record.headers) == {"traceparent": TRACEPARENT.encode(), "job_id": b"job_1"}
    assert codec.decode(STANDARD, record.value) == a_prompt()
    assert record.timestamp == written.timestamp_ms
    assert before_ms - 1 <= written.timestamp_ms <= after_ms + 1


async def test_the_turns_of_a_conversation_keep_their_order(log: KafkaSettings) -> None:
    async with writing(log) as pen:
        places = await asyncio.gather(*(pen.submit(a_prompt(f"job_{each}", "conv_1")) for each in range(50)))

    assert len({each.partition for each in places}) == 1
    assert [each.offset for each in places] == list(range(50))
    records = await asyncio.to_thread(read_back, log, STANDARD, 50)
    assert [codec.decode(STANDARD, each.value).job_id for each in records] == [f"job_{each}" for each in range(50)]


async def test_any_other_event_goes_by_its_key(log: KafkaSettings) -> None:
    async with writing(log) as pen:
        written = await pen.publish(CONVERSATIONS, "conv_7", ConversationDeleted(conversation="conv_7", tenant="acme"))

    assert written.partition == partitioning.of_key("conv_7", CONVERSATIONS.partitions)


async def test_what_is_too_large_is_refused_and_the_next_goes_through(log: KafkaSettings) -> None:
    too_large = TenantDefined(id="acme", name="x" * (kafka.MAX_RECORD_BYTES + 1))
    async with writing(log) as pen:
        with pytest.raises(TooLarge):
            await pen.publish(REGISTRY, "acme", too_large)

        assert (await pen.publish(REGISTRY, "acme", TenantDefined(id="acme", name="Acme"))).offset == 0


async def test_a_record_that_the_broker_alone_refuses_takes_no_other_with_it(kafka_settings: KafkaSettings) -> None:
    await asyncio.to_thread(a_narrow_topic, kafka_settings, CONVERSATIONS, 2_000)
    async with writing(kafka_settings) as pen:
        for number in range(3):
            large = ConversationCreated(conversation="conv_1", tenant="acme", title="x" * 5_000)
            small = ConversationDeleted(conversation="conv_1", tenant="acme")
            with pytest.raises(TooLarge):
                await pen.publish(CONVERSATIONS, "conv_1", large)

            assert (await pen.publish(CONVERSATIONS, "conv_1", small)).offset == number


async def test_what_is_under_way_beside_a_refused_record_is_written_or_may_be_tried_again(
    kafka_settings: KafkaSettings,
) -> None:
    await asyncio.to_thread(a_narrow_topic, kafka_settings, CONVERSATIONS, 2_000)
    titles = ["x" * (5_000 if each % 10 == 5 else 10) for each in range(40)]
    events = [ConversationCreated(conversation=f"conv_{n}", tenant="acme", title=each) for n, each in enumerate(titles)]

    async def publish(pen: Publisher, event: ConversationCreated) -> bool:
        """Whether it was written at last."""
        while True:
            try:
                await pen.publish(CONVERSATIONS, event.conversation, event)
            except Unavailable:
                await asyncio.sleep(0.05)
            except TooLarge:
                return False
            else:
                return True

    async with writing(kafka_settings) as pen:
        await pen.publish(CONVERSATIONS, "conv_0", events[0])
        written = await asyncio.gather(*(publish(pen, each) for each in events))

    assert written == [len(each) < 5_000 for each in titles]


async def test_a_producer_whose_broker_died_is_ended_all_the_same(own_kafka: RunningKafka) -> None:
    settings = own_kafka.settings("")
    await asyncio.to_thread(topic_admin.create, settings, [REGISTRY])
    producer = await Producer.started(settings, "test")
    await producer.send_and_wait(REGISTRY.name, b"before", b"acme")
    own_kafka.kill()
    failed = await producer.send(REGISTRY.name, b"after", b"acme")
    before = asyncio.all_tasks()

    await producer.end(0.5)

    assert isinstance(failed.exception(), KafkaError)
    assert not {each for each in before & asyncio.all_tasks() if each is not asyncio.current_task()}


async def test_a_producer_that_writes_nothing_any_more_gives_way_to_another(log: KafkaSettings) -> None:
    async with writing(log) as pen:
        first = pen._producer
        assert first is not None
        await pen.submit(a_prompt())
        first._sender.sender_task.cancel()

        await eventually(lambda: pen.connected and pen._producer is not first, what="another producer")
        await pen.submit(a_prompt("job_2"))


async def test_a_record_just_under_the_limit_is_taken(log: KafkaSettings) -> None:
    large = TenantDefined(id="acme", name="x" * (kafka.MAX_RECORD_BYTES - 1024))
    async with writing(log) as pen:
        assert (await pen.publish(REGISTRY, "acme", large)).offset == 0


async def test_beyond_the_bound_of_what_is_in_flight_publishing_is_refused_at_once(log: KafkaSettings) -> None:
    async with writing(replace(log, max_in_flight=10)) as pen:
        tries = await asyncio.gather(
            *(pen.submit(a_prompt(f"job_{each}")) for each in range(40)), return_exceptions=True
        )
        refused = [each for each in tries if isinstance(each, Unavailable)]
        taken = [each for each in tries if isinstance(each, Written)]

        assert len(taken) == 10
        assert len(refused) == 30
        assert "10 records wait" in str(refused[0])
        # What was acknowledged makes room again.
        await pen.submit(a_prompt("job_40"))


async def test_beyond_the_bytes_in_flight_publishing_is_refused_at_once(log: KafkaSettings) -> None:
    async with writing(replace(log, max_in_flight_bytes=kafka.MAX_RECORD_BYTES)) as pen:
        large = TenantDefined(id="acme", name="x" * (1024 * 1024))
        tries = await asyncio.gather(*(pen.publish(REGISTRY, "acme", large) for _ in range(8)), return_exceptions=True)
        refused = [each for each in tries if isinstance(each, Unavailable)]

        assert len(refused) == 5
        assert "bytes wait" in str(refused[0])
        # What was acknowledged makes room again.
        await pen.publish(REGISTRY, "acme", large)


async def test_before_a_broker_has_answered_and_after_the_end_publishing_is_refused(
    log: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "CONNECT_MS", 300)
    pen = Publisher(replace(log, bootstrap_servers="127.0.0.1:1"), "test")
    pen.start()
    with pytest.raises(Unavailable):
        await pen.submit(a_prompt())
    await pen.close()

    async with writing(log) as ended:
        pass
    with pytest.raises(Unavailable):
        await ended.submit(a_prompt())


async def test_a_dead_broker_is_told_within_its_time_and_publishing_goes_on_when_it_is_back(
    own_kafka: RunningKafka,
) -> None:
    settings = replace(own_kafka.settings("own."), ack_timeout_s=1.8)
    await asyncio.to_thread(topic_admin.create, settings, [STANDARD])
    # To the second one, the outage is longer than it tries a record.
    impatient_settings = replace(settings, delivery_timeout_s=2.0)
    taken: set[str] = set()
    async with writing(settings) as pen, writing(impatient_settings) as impatient:
        await eventually(lambda: publishes(pen, taken), what="a first record")
        await eventually(lambda: publishes(impatient, taken), what="a first record of the other")
        with frozen(own_kafka.pid):
            with pytest.raises(Unavailable):  # it is sent, and the broker dies before it answers
                await impatient.submit(a_prompt("job_under_way"))
            own_kafka.kill()

        loop = asyncio.create_task(the_longest_stall_s(for_s=2 * settings.ack_timeout_s))
        for each in range(2):
            began_s = time.monotonic()
            with pytest.raises(Unavailable):
                await pen.submit(a_prompt(f"job_dead_{each}"))
            # Long before the producer itself gives it up.
            assert time.monotonic() - began_s < settings.delivery_timeout_s / 2
        assert await loop < 0.5, "the loop stood still"
        await eventually(lambda: not (pen.connected or impatient.connected), what="that no broker answers")
        await own_kafka.started()
        # Nothing is sent meanwhile.
        await eventually(lambda: pen.connected and impatient.connected, what="that a broker answers")

        await eventually(lambda: publishes(pen, taken), within_s=45, what="publishing after the broker came back")
        await eventually(lambda: publishes(impatient, taken), what="the same by the impatient one")
    jobs = [each.job_id for each in await read_all(settings, STANDARD)]
    assert taken <= set(jobs)
    assert len(jobs) == len(set(jobs)), "a record was written twice"


async def the_longest_stall_s(for_s: float) -> float:
    """Watches the loop: how much later than asked a sleep of 10 ms came back, at worst.

    Less what a thread of its own met with: a machine that stands still does so for both.
    """
    beside = asyncio.create_task(asyncio.to_thread(the_longest_stall_of_a_thread_s, for_s))
    longest_s, end_s = 0.0, time.monotonic() + for_s
    while (before_s := time.monotonic()) < end_s:
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, time.monotonic() - before_s - 0.01)
    return longest_s - await beside


def the_longest_stall_of_a_thread_s(for_s: float) -> float:
    """The same of a thread that waits for nobody."""
    longest_s, end_s = 0.0, time.monotonic() + for_s
    while (before_s := time.monotonic()) < end_s:
        time.sleep(0.01)
        longest_s = max(longest_s, time.monotonic() - before_s - 0.01)
    return longest_s


async def publishes(pen: Publisher, taken: set[str]) -> bool:
    job_id = f"job_{secrets.token_hex(4)}"
    try:
        await pen.submit(a_prompt(job_id))
    except Unavailable:
        return False
    taken.add(job_id)
    return True


async def test_the_registry_is_followed_and_survives_what_is_no_event(log: KafkaSettings) -> None:
    reader = RegistryReader(log, "test")
    async with writing(log) as pen:
        await pen.publish(REGISTRY, "acme", TenantDefined(id="acme", name="Acme"))
        reader.start()
        try:
            await reader.wait_ready(45)
            assert list(reader.registry.tenants) == ["acme"]

            await pen.publish(REGISTRY, "strange", ConversationDeleted(conversation="conv_1", tenant="acme"))
            await pen.publish(REGISTRY, "later", TenantDefined(id="later", name="Later"))

            await eventually(lambda: "later" in reader.registry.tenants, what="the tenant defined later")
        finally:
            await reader.close()


async def test_a_registry_that_cannot_be_read_is_said_to_be_so(
    log: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "CONNECT_MS", 300)
    reader = RegistryReader(replace(log, bootstrap_servers="127.0.0.1:1"), "test")
    reader.start()
    with pytest.raises(Unavailable, match=r"could not be read within 0\.2 s"):
        await reader.wait_ready(0.2)
    assert not reader.ready
    await reader.close()
