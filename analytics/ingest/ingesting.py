"""Kafka in, ClickHouse out: every record once in its table, whatever dies.

How far a topic is written is what its table says, not the group's committed offset (that one only tells how far behind
we are): ingest starts after max(offset) of each partition. A batch is of one topic and has a token, so that it may be
sent twice; what two batches share all the same, the table keeps once.

All partitions are assigned by hand: a restart goes on at once, without waiting for a dead member's session to end, and
no rebalance can come while ClickHouse is away. A second ingest beside this one is a waste and does no harm.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from analytics.ingest.batches import Batch
from analytics.ingest.burial import Gravedigger
from analytics.ingest.progress import Progress
from analytics.ingest.tables import UNDECODABLE, Source, sources
from analytics.ingest.writer import Writer
from analytics.rows import Row, TimedPlace, undecodable_row
from analytics.settings import AnalyticsSettings
from infra import kafka
from infra.clock import Clock
from infra.errors import InvalidEvent, Unavailable
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.telemetry.metrics import Metrics
from producers.log.dead_letters import letter_of
from producers.log.places import Place

log = logging.getLogger(__name__)

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between tries; the last one repeats."""

_POLL_MS = 200
_POLL_RECORDS = 2_000
_FETCH = {"fetch_min_bytes": 1 << 20, "fetch_max_wait_ms": 500}
"""Fetches wait for others' records as rows do: a busy broker is asked twice a second, not once for each record."""
_Found = TypeVar("_Found")


class Stopped(Exception):
    """We were told to stop while we waited to try again."""


class Ingest:
    """One thread that reads, gathers and writes."""

    def __init__(
        self,
        settings: AnalyticsSettings,
        *,
        kafka_settings: KafkaSettings,
        clickhouse_settings: ClickHouseSettings,
        gravedigger: Gravedigger,
        clock: Clock,
        metrics: Metrics,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._kafka_settings = kafka_settings
        self._gravedigger = gravedigger
        self._clock = clock
        self._stopping = stopping
        self._writer = Writer(clickhouse_settings)
        self._progress = Progress(metrics, kafka_settings.topic_prefix)
        self._sources: Mapping[str, Source] = {
            kafka_settings.topic_prefix + each.topic.name: each for each in sources(store_text=settings.store_text)
        }
        self._batches: dict[str, Batch] = {}

    def run(self, ready: Callable[[], None]) -> None:
        """Read until told to stop; `ready` is called once the place to read from is known."""
        consumer = None
        try:
            consumer = self._insist(self._connect)
            self._insist(partial(self._take_places, consumer))
            ready()
            while not self._stopping.is_set():
                self._step(consumer)
            self._write(consumer, list(self._batches))
        except Stopped:
            log.info("stopped while waiting; what is not written is read again")
        finally:
            self._writer.close()
            if consumer is not None:
                consumer.close()

    def _connect(self) -> Any:
        group = f"{self._kafka_settings.topic_prefix}ingest"
        return kafka.consumer(self._kafka_settings, "ingest", group_id=group, max_poll_records=_POLL_RECORDS, **_FETCH)

    def _take_places(self, consumer: Any) -> None:
        """Assign every partition and seek to the offset after the last that is written."""
        places = {
            TopicPartition(topic, partition): written.get(partition, 0)
            for topic, source in self._sources.items()
            for written in [self._writer.next_offsets(source.table, topic)]
            for partition in _partitions(consumer, topic)
        }
        consumer.assign(list(places))
        for partition, offset in places.items():
            consumer.seek(partition, offset)
        self._progress.begins(consumer, places)
        log.info("reading", extra={"places": {f"{p.topic}-{p.partition}": o for p, o in places.items() if o}})

    def _step(self, consumer: Any) -> None:
        try:
            polled = consumer.poll(timeout_ms=_POLL_MS)
        except KafkaError as error:
            log.warning("cannot read from Kafka: %r; trying again in %s s", error, RETRY_S[-2])
            self._progress.waits("kafka")
            self._wait(RETRY_S[-2])
            return
        self._progress.reads(polled)
        now_s = time.monotonic()
        for place, records in polled.items():
            for record in records:
                self._gather(consumer, place, record, now_s)
        due = [topic for topic, batch in self._batches.items() if batch.is_due(time.monotonic(), self._settings)]
        self._write(consumer, due)

    def _gather(self, consumer: Any, place: TopicPartition, record: Any, now_s: float) -> None:
        row = self._row(place, record)
        batch = self._batches.get(place.topic)
        if batch is not None and not batch.takes(row):
            self._write(consumer, [place.topic])
            batch = None
        if batch is None:
            batch = self._batches[place.topic] = Batch(self._sources[place.topic], place.topic, now_s)
        batch.add(row, len(record.value or b""), float(record.timestamp))
        if batch.is_due(now_s, self._settings):
            self._write(consumer, [place.topic])

    def _row(self, place: TopicPartition, record: Any) -> Row:
        source = self._sources[place.topic]
        origin = TimedPlace(place.topic, place.partition, record.offset, float(record.timestamp))
        try:
            return source.read(record.value, origin)
        except InvalidEvent as error:
            buried = Place(source.topic.name, place.partition, record.offset)
            letter = letter_of(record, buried, "undecodable", str(error), self._clock.now_ms())
            self._insist(partial(self._gravedigger.bury, letter))
            self._progress.buried()
            log.warning("buried %s-%s at %s: %s", place.topic, place.partition, record.offset, error)
            return undecodable_row(str(error), origin)

    def _write(self, consumer: Any, topics: list[str]) -> None:
        for topic in topics:
            batch = self._batches[topic]
            self._insist(partial(_write_batch, self._writer, batch))
            del self._batches[topic]
            self._progress.wrote(batch.source.table.name, len(batch.rows))
            _commit(consumer, batch)
            log.debug("wrote", extra={"topic": topic, "rows": len(batch.rows)})

    def _insist(self, call: Callable[[], _Found]) -> _Found:
        """Call until it succeeds: nothing is left out because a part is away."""
        tries = 0
        while True:
            try:
                return call()
            except Unavailable as error:
                self._progress.waits(error.part)
                wait_s = RETRY_S[min(tries, len(RETRY_S) - 1)]
                log.warning("%s; trying again in %s s", error, wait_s)
                self._wait(wait_s)
                tries += 1

    def _wait(self, wait_s: float) -> None:
        if self._stopping.wait(wait_s):
            raise Stopped


def _write_batch(writer: Writer, batch: Batch) -> None:
    """Write a batch; may be repeated whole, as each insert has its token."""
    if batch.rows:
        writer.insert(batch.source.table, batch.rows, batch.token)
    # After the rows: these offsets count as read, and must not while rows before them are unwritten.
    if batch.undecodable:
        writer.insert(UNDECODABLE, batch.undecodable, batch.token_of_undecodable)


def _partitions(consumer: Any, topic: str) -> set[int]:
    try:
        found = consumer.partitions_for_topic(topic)
    except KafkaError as error:
        raise Unavailable("kafka", f"no broker tells of {topic}: {error!r}") from None
    if not found:
        raise Unavailable("kafka", f"there is no topic {topic}; `headrace topics create` makes it")
    return set(found)


def _commit(consumer: Any, batch: Batch) -> None:
    """Tell the group how far we are, for those who look at its lag; nothing depends on it."""
    places = {
        TopicPartition(batch.topic, partition): OffsetAndMetadata(offset + 1, "", -1)
        for partition, offset in batch.last_offsets.items()
    }
    try:
        consumer.commit(places)
    except KafkaError as error:
        log.debug("the group's offset is not committed: %r", error)
