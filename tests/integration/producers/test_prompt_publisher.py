"""Prompts straight to the log: what a trusted service is given, and what it is refused before the log is touched."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

import producers
from infra import kafka, redis
from infra.errors import OurFault, WrongSetting
from infra.settings import KafkaSettings, LocalSettings, RedisSettings
from producers import (
    PromptPublisher,
    PromptSettings,
    PublisherSettings,
    Receipt,
    SyncPromptPublisher,
    TooLarge,
    Unavailable,
    WebhookSettings,
    WrongField,
)
from producers.conversations.store import Conversations
from producers.events import ConversationCreated, Message, PromptSubmitted
from producers.log import codec, partitioning, topic_admin
from producers.log.topics import BY_NAME, prompts
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from tests.support.eventually import eventually
from tests.support.stack import RunningKafka

OWNED: dict[str, Any] = {"tenant": "acme", "model": "m"}


def placed(settings: KafkaSettings, receipt: Receipt) -> PromptSubmitted:
    """The prompt that stands where a receipt says."""
    reader = kafka.consumer(settings, "test-reader")
    try:
        partition = TopicPartition(receipt.topic, receipt.partition)
        reader.assign([partition])
        reader.seek(partition, receipt.offset)
        deadline = time.monotonic() + 45
        while time.monotonic() < deadline:
            for record in reader.poll(timeout_ms=200).get(partition, ()):
                topic = BY_NAME[receipt.topic.removeprefix(settings.topic_prefix)]
                prompt: PromptSubmitted = codec.decode(topic, record.value)
                return prompt
        raise AssertionError(f"nothing stands at {receipt}")
    finally:
        reader.close()


@pytest.fixture
def settings(kafka_settings: KafkaSettings) -> PublisherSettings:
    topic_admin.create(kafka_settings, [prompts("standard"), prompts("batch")])
    return PublisherSettings(kafka_settings, PromptSettings(models=("m",)))


@pytest.fixture
async def publisher(settings: PublisherSettings) -> AsyncIterator[PromptPublisher]:
    async with PromptPublisher(settings, service="billing") as running:
        yield running


async def test_a_prompt_stands_where_the_receipt_says_as_the_gateway_would_have_written_it(
    publisher: PromptPublisher, settings: PublisherSettings
) -> None:
    receipt = await publisher.submit(
        **OWNED,
        messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        lane="batch",
        deadline=60,
        metadata={"order": "7"},
        webhook="https://example.com/hook",
        key_id="key_1",
        max_tokens=9,
    )

    prompt = await asyncio.to_thread(placed, settings.kafka, receipt)
    assert (prompt.job_id, prompt.tenant, prompt.key_id, prompt.lane) == (receipt.job_id, "acme", "key_1", "batch")
    assert prompt.messages == (Message("system", "Be brief."), Message("user", "Why?"))
    assert prompt.deadline_ms == prompt.received_ms + 60_000
    assert (prompt.metadata, prompt.sampling.max_tokens, prompt.route) == ({"order": "7"}, 9, "/v1/jobs")
    assert receipt.topic.endswith("prompts.batch")
    assert receipt.partition == partitioning.of_prompt("acme", receipt.job_id, prompts("batch").partitions)
    assert prompt.traceparent


async def test_the_same_tenant_and_key_are_the_same_job(publisher: PromptPublisher) -> None:
    one = await publisher.submit("Why?", **OWNED, idempotency_key="order-7")
    again = await publisher.submit("Why?", **OWNED, idempotency_key="order-7")
    others = [
        await publisher.submit("Why?", tenant="other", model="m", idempotency_key="order-7"),
        await publisher.submit("Why?", **OWNED, idempotency_key="order-8"),
        await publisher.submit("Why?", **OWNED),
    ]

    assert (one.job_id, one.partition) == (again.job_id, again.partition)
    assert again.offset > one.offset
    assert len({each.job_id for each in (one, *others)}) == 4


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"tenant": "../acme"}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"model": "gpt"}, "model"),
        ({"idempotency_key": "é"}, "idempotency_key"),
        ({"key_id": ""}, "key_id"),
        ({"lane": "express"}, "lane"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"deadline": -1}, "deadline"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"messages": [{"role": "tool", "content": "x"}], "input": None}, "messages[0].tool_call_id"),
        ({"webhook": "https://example.com"}, "webhook"),
        ({"webhook": "http://169.254.169.254/", "key_id": "key_1"}, "webhook.url"),
        ({"webhook": "http://127.0.0.1/", "key_id": "key_1"}, "webhook.url"),
        ({"cache": "only"}, "cache"),
        ({"replaces": "job_1"}, "replaces"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"user": "\ud800"}, "user"),
        ({"zork": 1}, "zork"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_name_before_the_log_is_touched(
    said: dict[str, Any], field: str, settings: PublisherSettings
) -> None:
    never_connected = PromptPublisher(settings)

    with pytest.raises(WrongField) as refused:
        await never_connected.submit(**{"input": "Why?", **OWNED, **said})

    assert refused.value.field == field


async def test_a_prompt_larger_than_the_gateway_takes_is_too_large(settings: PublisherSettings) -> None:
    with pytest.raises(TooLarge, match="1048576 is the most"):
        await PromptPublisher(settings).submit("x" * 1024 * 1024, **OWNED)


async def test_a_webhook_may_go_where_the_operator_says(settings: PublisherSettings) -> None:
    allowed = replace(settings, webhooks=WebhookSettings(allow_loopback=True))

    async with PromptPublisher(allowed) as publisher:
        receipt = await publisher.submit("Why?", **OWNED, webhook="http://127.0.0.1:9/", key_id="key_1")

    assert receipt.offset >= 0


async def test_a_turn_goes_to_its_tenants_conversation_and_its_lane_only(
    settings: PublisherSettings, redis_settings: RedisSettings
) -> None:
    async with redis.client(redis_settings) as client:
        conversations = Conversations(Scripts(client, redis_settings), Retention())
        await conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=1.0))

    async with PromptPublisher(replace(settings, redis=redis_settings)) as publisher:
        first = await publisher.submit("Why?", **OWNED, conversation="conv_1", lane="batch")
        second = await publisher.submit("And then?", **OWNED, conversation="conv_1")
        with pytest.raises(WrongField, match="no such conversation") as refused:
            await publisher.submit("Let me see", tenant="other", model="m", conversation="conv_1")
        with pytest.raises(Unavailable, match="rebuilt"):
            await publisher.submit("Why?", **OWNED, conversation="conv_2")

    assert (first.topic, first.partition) == (second.topic, second.partition)
    assert refused.value.field == "conversation"


async def test_a_broker_that_dies_is_told_within_the_time_for_an_acknowledgement(own_kafka: RunningKafka) -> None:
    kafka_settings = replace(own_kafka.settings(""), ack_timeout_s=1.8, delivery_timeout_s=10.0)
    await asyncio.to_thread(topic_admin.create, kafka_settings, [prompts("standard")])
    settings = PublisherSettings(kafka_settings, PromptSettings(models=("m",)))

    async with PromptPublisher(settings) as publisher:

        async def is_published() -> bool:
            try:
                return (await publisher.submit("Why?", **OWNED, idempotency_key="k")).offset >= 0
            except Unavailable:
                return False

        await eventually(is_published, what="a broker that has just started to acknowledge in time")
        own_kafka.kill()
        began_s = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            await publisher.submit("Why?", **OWNED, idempotency_key="k")
        took_s = time.monotonic() - began_s

    assert took_s < 7.0, "it was told when the producer itself gave it up"
    assert refused.value.after_s > 0


async def test_without_a_broker_it_says_so_in_bounded_time() -> None:
    gone = PublisherSettings(KafkaSettings(bootstrap_servers="127.0.0.1:1"), PromptSettings(models=("m",)))
    began_s = time.monotonic()

    with pytest.raises(Unavailable) as refused:
        async with PromptPublisher(gone):
            pass

    assert time.monotonic() - began_s < 20
    assert refused.value.after_s > 0


def test_a_program_without_a_loop_publishes_as_well(settings: PublisherSettings) -> None:
    with SyncPromptPublisher(settings) as publisher:
        receipt = publisher.submit("Why?", **OWNED, idempotency_key="sync")
        with pytest.raises(WrongField):
            publisher.submit("Why?", tenant="acme", model="gpt")
    with pytest.raises(OurFault):
        publisher.submit("Why?", **OWNED)

    assert placed(settings.kafka, receipt).job_id == receipt.job_id


def test_what_was_never_opened_takes_no_prompt_and_closes(settings: PublisherSettings) -> None:
    publisher = SyncPromptPublisher(settings)

    with pytest.raises(Unavailable):
        publisher.submit("Why?", **OWNED)
    publisher.close()


def test_settings_come_from_the_environment_as_the_gateways_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LocalSettings.variable("dir"), str(tmp_path))
    monkeypatch.setenv(KafkaSettings.variable("bootstrap_servers"), "kafka-1:9092")
    monkeypatch.setenv(PromptSettings.variable("models"), "a,b")
    found = PublisherSettings.from_env()

    assert (found.kafka.bootstrap_servers, found.prompts.models, found.redis) == ("kafka-1:9092", ("a", "b"), None)
    monkeypatch.setenv(PromptSettings.variable("models"), ",")
    with pytest.raises(WrongSetting):
        PublisherSettings.from_env()


def test_the_public_names_are_those_it_says() -> None:

    assert {name for name in producers.__all__ if getattr(producers, name).__name__ != name} == set()
    with pytest.raises(AttributeError):
        producers.nonsense  # noqa: B018
