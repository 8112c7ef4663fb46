"""How far each reader has read each topic: who keeps a position where, and what all of them have read.

The views keep theirs in Redis beside what they made of the records (decision 2), the others commit them to Kafka.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from infra import kafka, redis
from infra.errors import Unavailable
from infra.settings import KafkaSettings, RedisSettings
from producers.log.topics import GROUPS, TOPICS, VIEWS, Topic
from producers.state.positions import Positions
from producers.state.scripts import Scripts

_EARLIEST, _LATEST = -2, -1

_Places = Mapping[TopicPartition, int]


@dataclass(frozen=True)
class ReadPartition:
    """One partition as its readers stand in it: offsets of its first record, after its last, and of each one's next."""

    topic: str
    partition: int
    first: int
    end: int
    next: Mapping[str, int]
    """Of those readers who keep a position; one who has read nothing stands at 0."""
    read: int
    """Everything before is read by all; 0 where somebody reads the topic who keeps no position."""

    def behind(self, reader: str) -> int:
        """How many records are there that it has not read."""
        return self.end - max(self.first, self.next[reader])


async def readings(kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> list[ReadPartition]:
    """Every partition of every topic that is not compacted, as its readers stand in it.

    Raises:
        Unavailable: Kafka or Redis does not answer.
    """
    first, end, committed = await asyncio.to_thread(_asked, kafka_settings)
    client = redis.client(redis_settings)
    try:
        viewed = {reader: await _viewed(reader, Scripts(client, redis_settings)) for reader in VIEWS}
    finally:
        await client.aclose()
    return [
        _reading(topic, place, first[place], end[place], {**committed, **viewed})
        for topic, place in _places(kafka_settings.topic_prefix)
    ]


def _reading(
    topic: Topic, place: TopicPartition, first: int, end: int, positions: Mapping[str, Mapping[tuple[str, int], int]]
) -> ReadPartition:
    here = (topic.name, place.partition)
    nexts = {reader: positions[reader].get(here, 0) for reader in topic.read_by if reader in positions}
    known = len(nexts) == len(topic.read_by)
    return ReadPartition(place.topic, place.partition, first, end, nexts, min(nexts.values()) if known else 0)


def _asked(settings: KafkaSettings) -> tuple[_Places, _Places, dict[str, dict[tuple[str, int], int]]]:
    prefix = settings.topic_prefix
    places = [place for _, place in _places(prefix)]
    try:
        with closing(kafka.admin(settings)) as admin:
            first = admin.list_partition_offsets(dict.fromkeys(places, _EARLIEST))
            end = admin.list_partition_offsets(dict.fromkeys(places, _LATEST))
            committed = admin.list_group_offsets([prefix + each for each in GROUPS])
    except KafkaError as error:
        raise Unavailable("kafka", f"the broker at {settings.bootstrap_servers} does not tell: {error!r}") from error
    by_group = {each: _by_name(committed.get(prefix + each, {}), prefix) for each in GROUPS}
    return _offsets(first), _offsets(end), by_group


def _offsets(found: Mapping[TopicPartition, Any]) -> _Places:
    return {place: told.offset for place, told in found.items()}


def _by_name(committed: Mapping[TopicPartition, Any], prefix: str) -> dict[tuple[str, int], int]:
    # -1 stands for "never committed".
    return {(at.topic.removeprefix(prefix), at.partition): max(0, told.offset) for at, told in committed.items()}


async def _viewed(reader: str, scripts: Scripts) -> dict[tuple[str, int], int]:
    places = [(topic.name, each) for topic in TOPICS if reader in topic.read_by for each in range(topic.partitions)]
    found = await Positions(scripts, VIEWS[reader]).read(places)
    return {place: each.position for place, each in zip(places, found, strict=True)}


def _places(prefix: str) -> Iterator[tuple[Topic, TopicPartition]]:
    for topic in TOPICS:
        # Of a compacted one everything is read by everybody who starts.
        for partition in range(0 if topic.compacted else topic.partitions):
            yield topic, TopicPartition(prefix + topic.name, partition)
