"""Keeps the embedded log within its limit, as far as every reader has read what would go."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from infra import kafka
from infra.errors import CannotStart, Unavailable
from infra.local.disk import footprint
from infra.local.kafka.segments import Partition, Segment, closed_segments, going_bytes, removable
from infra.local.stack.supervisor import in_thread
from infra.settings import KafkaSettings

Read = Callable[[], Awaitable[Mapping[Partition, int]]]
"""Asks before which offset of each partition everything is read by all of its readers."""


class LogRoom:
    """The room that one embedded broker takes by its data folder, and what may be done about it."""

    def __init__(self, settings: KafkaSettings, data: Path, max_bytes: int, read: Read) -> None:
        self.max_bytes = max_bytes
        self._settings = settings
        self._data = data
        self._read = read
        self._read_before: Mapping[Partition, int] = {}

    async def make(self) -> int:
        """Where the log is too large, drop its oldest records; returns how much too large what must stay is.

        Nothing goes that was not read by all already when we last looked: a Redis that is killed forgets where readers
        stood in its last second. When Kafka or a store is away, nothing goes.
        """
        segments, excess_bytes = await in_thread(self._look)
        if excess_bytes <= 0:
            self._read_before = {}
            return 0
        try:
            read = await self._read()
            safe = {place: min(at, self._read_before.get(place, 0)) for place, at in read.items()}
            await in_thread(lambda: self._drop(removable(segments, safe, excess_bytes)))
        except (CannotStart, KafkaError, Unavailable):
            return excess_bytes
        self._read_before = read
        return max(0, excess_bytes - sum(each.size_bytes for each in removable(segments, read, excess_bytes)))

    def _look(self) -> tuple[list[Segment], int]:
        taken_bytes = sum(footprint.sizes(self._data).values()) - going_bytes(self._data)
        return list(closed_segments(self._data)), taken_bytes - self.max_bytes

    def _drop(self, segments: list[Segment]) -> None:
        ends: dict[Any, int] = {}
        for each in segments:
            place = TopicPartition(*each.partition)
            ends[place] = max(each.end, ends.get(place, 0))
        if ends:
            with closing(kafka.admin(self._settings)) as admin:
                admin.delete_records(ends)
