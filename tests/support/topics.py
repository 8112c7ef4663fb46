"""What a topic holds, read from its start to its end."""

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import Any

from kafka import KafkaProducer, TopicPartition

from infra import kafka
from infra.settings import KafkaSettings
from producers.log import codec, outgoing
from producers.log.outgoing import Outgoing
from producers.log.topics import Topic


def a_record(settings: KafkaSettings, topic: Topic, key: str, event: Any, partition: int) -> Outgoing:
    """A record for a partition of the test's choice."""
    return replace(outgoing.of_event(topic, key, event, None, settings.topic_prefix), partition=partition)


def a_narrow_topic(settings: KafkaSettings, topic: Topic, max_record_bytes: int) -> None:
    """Create a topic whose records the broker wants smaller than we do."""
    name, options = f"{settings.topic_prefix}{topic.name}", {"max.message.bytes": str(max_record_bytes)}
    with closing(kafka.admin(settings)) as admin:
        admin.create_topics({name: {"num_partitions": topic.partitions, "replication_factor": 1, "configs": options}})
        admin.wait_for_topics([name])


def a_raw_producer(settings: KafkaSettings) -> Any:
    """A producer of kafka-python's that writes whatever bytes a test wants."""
    return KafkaProducer(
        bootstrap_servers=settings.bootstrap_servers, acks="all", max_request_size=kafka.MAX_RECORD_BYTES
    )


async def read_all(settings: KafkaSettings, topic: Topic) -> list[Any]:
    """All events of a topic, partition after partition."""
    return await asyncio.to_thread(_read_all, settings, topic)


async def expire(settings: KafkaSettings, topic: Topic, partition: int, before: int) -> None:
    """Have the records of a partition before an offset deleted, as if their time had passed."""
    place = TopicPartition(f"{settings.topic_prefix}{topic.name}", partition)

    def delete() -> None:
        with closing(kafka.admin(settings)) as admin:
            admin.delete_records({place: before})

    await asyncio.to_thread(delete)


def _read_all(settings: KafkaSettings, topic: Topic) -> list[Any]:
    consumer = kafka.consumer(settings, "test-reader")
    try:
        partitions = [TopicPartition(f"{settings.topic_prefix}{topic.name}", n) for n in range(topic.partitions)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        records: dict[TopicPartition, list[Any]] = {each: [] for each in partitions}
        while any(consumer.position(each) < ends[each] for each in partitions):
            for partition, found in consumer.poll(timeout_ms=200).items():
                records[partition] += [codec.decode(topic, each.value) for each in found]
        return [event for each in partitions for event in records[each]]
    finally:
        consumer.close()
