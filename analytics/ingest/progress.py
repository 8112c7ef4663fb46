"""What ingest tells of its progress: rows written, records not read yet, waits. For its one thread."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from infra.telemetry.metrics import Metrics

GROUP: Final = "ingest"
_EVERY_S: Final = 1.0
_ASK_MS: Final = 500


class Progress:
    """Told of what was read and written; works out how far that is from the end of the log."""

    def __init__(self, metrics: Metrics, topic_prefix: str) -> None:
        self._rows, self._waits = metrics.rows, metrics.waits
        self._lag, self._buried = metrics.consumer_lag, metrics.dead_letters
        self._topic_prefix = topic_prefix
        self._next: dict[TopicPartition, int] = {}
        self._consumer: Any = None
        self._tell_at_s = 0.0

    def begins(self, consumer: Any, places: Mapping[TopicPartition, int]) -> None:
        """From these offsets on is read."""
        self._consumer, self._next = consumer, dict(places)

    def reads(self, polled: Mapping[TopicPartition, Iterable[Any]]) -> None:
        """These records were read; the consumer heard of the log's ends with them."""
        for place, records in polled.items():
            self._next[place] = max(record.offset for record in records) + 1
        if self._is_due():
            self._tell({place: self._consumer.highwater(place) for place in self._next})

    def wrote(self, table: str, rows: int) -> None:
        """So many rows are in their table."""
        self._rows.labels(table).inc(rows)

    def buried(self) -> None:
        """A record that is no event of ours became a dead letter."""
        self._buried.labels("undecodable").inc()

    def waits(self, part: str) -> None:
        """A part is away: nothing is read, so that the broker must be asked where the log ends by now."""
        self._waits.labels(part).inc()
        if self._consumer is not None and part != "kafka" and self._is_due():
            try:
                self._tell(self._consumer.end_offsets(list(self._next), timeout_ms=_ASK_MS))
            except KafkaError:
                self._lag.clear()

    def _is_due(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._tell_at_s:
            return False
        self._tell_at_s = now_s + _EVERY_S
        return True

    def _tell(self, ends: Mapping[TopicPartition, int | None]) -> None:
        behind: dict[str, int] = defaultdict(int)
        for place, end in ends.items():
            behind[place.topic] += max(0, (end or 0) - self._next[place])
        for topic, records in behind.items():
            self._lag.labels(GROUP, topic.removeprefix(self._topic_prefix)).set(records)
