"""The embedded log within its limit: what all have read may go, what one reader has still to read never does."""

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata
from redis import Redis

from infra import kafka
from infra.local.kafka.segments import Partition
from infra.local.stack.log_room import LogRoom, Read
from infra.local.stack.printed import ReadPartition, read
from infra.settings import KafkaSettings, RedisSettings
from producers.log import topic_admin
from producers.log.topics import ANSWERS, DEAD_LETTERS, FEEDBACK, TOPICS, VIEWS
from producers.state.readers import readings
from tests.support.command import headrace
from tests.support.stack import RunningKafka

RECORDS, RECORD_BYTES, SEGMENT_BYTES = 40, 200_000, 1_048_576


@pytest.fixture
def log(own_kafka: RunningKafka) -> KafkaSettings:
    """All topics, cut into small segments; 8 MB in one partition of two of them."""
    settings = own_kafka.settings("")
    cut = (ANSWERS, DEAD_LETTERS)
    wanted = {
        each.name: {
            "num_partitions": each.partitions,
            "replication_factor": 1,
            "configs": {**topic_admin.options(each, 1), "segment.bytes": str(SEGMENT_BYTES)},
        }
        for each in cut
    }
    with closing(kafka.admin(settings)) as admin:
        admin.create_topics(wanted)
    topic_admin.create(settings)
    with closing(KafkaProducer(bootstrap_servers=settings.bootstrap_servers, acks="all")) as producer:
        for number in range(RECORDS):
            for each in cut:
                producer.send(each.name, str(number).encode().ljust(RECORD_BYTES), partition=0)
        producer.flush(60)
    return settings


def stand(reader: str, offset: int, log: KafkaSettings, redis_settings: RedisSettings) -> None:
    """Say that a reader has read so far in the first partition of the answers."""
    place = TopicPartition(f"{log.topic_prefix}{ANSWERS.name}", 0)
    if reader in VIEWS:
        key = f"{redis_settings.prefix}view:{VIEWS[reader]}:positions"
        with closing(Redis.from_url(redis_settings.url)) as redis:
            redis.hset(key, f"{ANSWERS.name}:0", str(offset))
        return
    group = f"{log.topic_prefix}{reader}"
    with closing(KafkaConsumer(bootstrap_servers=log.bootstrap_servers, group_id=group)) as consumer:
        consumer.assign([place])
        consumer.commit({place: OffsetAndMetadata(offset, "", -1)})


def kept(log: KafkaSettings, topic: str) -> list[int]:
    """The records that the broker still has."""
    place = TopicPartition(topic, 0)
    found: list[int] = []
    with closing(KafkaConsumer(bootstrap_servers=log.bootstrap_servers, auto_offset_reset="earliest")) as consumer:
        consumer.assign([place])
        end = consumer.end_offsets([place])[place]
        while consumer.position(place) < end:
            found += [int(each.value) for each in consumer.poll(timeout_ms=1000).get(place, [])]
    return found


def read_by_all(log: KafkaSettings, redis_settings: RedisSettings) -> Read:
    async def read() -> Mapping[Partition, int]:
        return {(each.topic, each.partition): each.read for each in await readings(log, redis_settings)}

    return read


async def test_of_a_log_that_is_too_large_goes_what_all_have_read_and_nothing_else(
    log: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    for reader in ANSWERS.read_by:
        stand(reader, RECORDS, log, redis_settings)
    stand("deliver", 20, log, redis_settings)
    room = LogRoom(log, tmp_path / "kafka" / "data", 1_000_000, read_by_all(log, redis_settings))

    first = await room.make()
    assert len(kept(log, ANSWERS.name)) == RECORDS

    second = await room.make()
    answers = kept(log, ANSWERS.name)
    assert answers == list(range(answers[0], RECORDS))
    assert 15 <= answers[0] <= 20
    assert kept(log, DEAD_LETTERS.name) == list(range(RECORDS))
    assert min(first, second) > 0
    assert first == pytest.approx(second, abs=SEGMENT_BYTES), "the broker keeps other files, too"

    stand("deliver", RECORDS, log, redis_settings)
    await room.make()
    await room.make()
    assert 35 <= kept(log, ANSWERS.name)[0] < RECORDS


def test_no_topic_of_ours_is_cut_by_size_by_the_broker(log_settings: KafkaSettings) -> None:
    with closing(kafka.admin(log_settings)) as admin:
        names = [f"{log_settings.topic_prefix}{each.name}" for each in TOPICS]
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        told = admin.describe_configs(resources, config_filter="all")["topic"]

    assert {told[name]["retention.bytes"]["value"] for name in names} == {"-1"}


def test_how_far_each_reader_is_behind_is_told(
    kafka_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    topic_admin.create(kafka_settings)
    with closing(KafkaProducer(bootstrap_servers=kafka_settings.bootstrap_servers, acks="all")) as producer:
        for _ in range(3):
            producer.send(f"{kafka_settings.topic_prefix}{ANSWERS.name}", b"x", partition=0).get(45)
    for reader, offset in {"fanout": 3, "deliver": 1, "retrain": 2, "ingest": 3}.items():
        stand(reader, offset, kafka_settings, redis_settings)

    told = headrace("topics", "lag", "--json", settings=(kafka_settings, redis_settings), folder=tmp_path)
    shown = headrace("topics", "lag", settings=(kafka_settings, redis_settings), folder=tmp_path)

    found = {
        (each["topic"].removeprefix(kafka_settings.topic_prefix), each["partition"]): each
        for each in json.loads(told.stdout)
    }
    prefixed = f"{kafka_settings.topic_prefix}{ANSWERS.name}"
    assert ReadPartition(prefixed, 0, 1) in read("disk", told.stdout, list[ReadPartition])
    answers = found[ANSWERS.name, 0]
    assert (answers["first"], answers["end"], answers["read"]) == (0, 3, 1)
    assert answers["next"] == {"fanout": 3, "deliver": 1, "retrain": 2, "ingest": 3}
    assert found[FEEDBACK.name, 1]["next"] == {"retrain": 0, "ingest": 0}
    assert found[DEAD_LETTERS.name, 0]["next"] == {"fanout": 0}
    assert "deliver 2, retrain 1, ingest 0" in " ".join(shown.stdout.split())
