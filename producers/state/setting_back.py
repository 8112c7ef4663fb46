"""The views set back, and how far they have been read into Redis again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from infra import redis
from infra.settings import KafkaSettings, RedisSettings
from producers.log.topics import ANSWERS, TOPICS, VIEWS
from producers.state.positions import Positions
from producers.state.readers import readings
from producers.state.scripts import Scripts

READERS: Final = ("fanout", "deliver")
"""Whose views are set back: the state of jobs, conversations, files and batches with the cache; and the webhooks."""
MOST_S: Final = 600.0
"""A large Redis needs about three seconds for each million keys, and answers nobody else meanwhile."""
_LOOK_EVERY_S: Final = 0.25


@dataclass(frozen=True)
class Progress:
    """How many of so many records the views have read again, and how many of their partitions are whole."""

    read: int
    records: int
    whole: int
    partitions: int

    @property
    def done(self) -> bool:
        """Whether everything may be trusted again."""
        return self.whole == self.partitions


async def set_back(settings: RedisSettings) -> int:
    """Take everything out of Redis that follows from the log, at one moment; how many keys that were. Twice is once.

    Raises:
        Unavailable: Redis does not answer; it may be set back all the same.
    """
    async with _scripts(replace(settings, timeout_s=MOST_S)) as scripts:
        return int(await scripts.run("set_back"))


async def dropped(kafka: KafkaSettings, settings: RedisSettings) -> int:
    """How many endings the log has dropped, because their time was over or it had grown too large.

    Raises:
        Unavailable: Kafka or Redis does not answer.
    """
    name = f"{kafka.topic_prefix}{ANSWERS.name}"
    return sum(each.first for each in await readings(kafka, settings) if each.topic == name)


async def until_whole(
    kafka: KafkaSettings,
    settings: RedisSettings,
    patience_s: float,
    tell: Callable[[Progress], None],
    readers: Collection[str] = READERS,
) -> Progress:
    """Wait until these readers' views are whole; what is given back is not `done` where nothing went on for so long.

    Raises:
        Unavailable: no broker tells how much there is to read.
    """
    extents = {
        (each.topic.removeprefix(kafka.topic_prefix), each.partition): (each.first, each.end)
        for each in await readings(kafka, settings)
    }
    before, since_s = None, time.monotonic()
    async with _scripts(settings) as scripts:
        while True:
            now = await _progress(scripts, extents, readers)
            tell(now)
            if now != before:
                before, since_s = now, time.monotonic()
            if now.done or time.monotonic() - since_s > patience_s:
                return now
            await asyncio.sleep(_LOOK_EVERY_S)


async def _progress(
    scripts: Scripts, extents: dict[tuple[str, int], tuple[int, int]], readers: Collection[str]
) -> Progress:
    read = records = whole = partitions = 0
    for reader in readers:
        places = [
            (topic.name, each)
            for topic in TOPICS
            if reader in topic.read_by and not topic.compacted
            for each in range(topic.partitions)
        ]
        for place, stored in zip(places, await Positions(scripts, VIEWS[reader]).read(places), strict=True):
            first, end = extents[place]
            records += end - first
            read += min(max(stored.position, first), end) - first
            whole += stored.whole
            partitions += 1
    return Progress(read, records, whole, partitions)


@asynccontextmanager
async def _scripts(settings: RedisSettings) -> AsyncIterator[Scripts]:
    client = redis.client(settings)
    try:
        yield Scripts(client, settings)
    finally:
        await client.aclose()
