"""Follows topics of the log into a view in Redis, which keeps the positions; Kafka keeps none.

At assignment the position of each partition is read from Redis, and the log's end is remembered as its mark: up to
there the partition is not whole. Where Redis turns out to stand elsewhere (it was emptied, or set back to an older
snapshot), the partition is opened again in the same way.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from infra.clock import Clock
from infra.errors import InvalidEvent, Unavailable
from infra.settings import KafkaSettings
from infra.telemetry.metrics import Metrics
from producers import codec
from producers.jobs.positions import Place, Seek
from producers.publisher import Publisher
from producers.topics import Topic
from stream_workers.views.burial import bury_record
from stream_workers.views.consumer import group_consumer
from stream_workers.views.records import Done, Stuck, Told, View, portions
from stream_workers.views.settings import ViewSettings

log = logging.getLogger(__name__)

POLL_MS = 200
RETRY_S = 0.5
KAFKA_PATIENCE_S = 15.0


@dataclass
class _Reading:
    """One open partition: Redis' position in it, and where it becomes whole in which run of Redis."""

    topic: Topic
    position: int
    mark: int
    whole: bool
    run: str


class LogView:
    """One member of a view's consumer group; `follow` does all the work."""

    def __init__(
        self,
        view: View,
        group: str,
        kafka: KafkaSettings,
        settings: ViewSettings,
        publisher: Publisher,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._view = view
        self._group = group
        self._kafka = kafka
        self._settings = settings
        self._publisher = publisher
        self._clock = clock
        self._waits, self._buried = metrics.waits, metrics.dead_letters
        self._topics = {f"{kafka.topic_prefix}{each.name}": each for each in view.topics}
        self._open: dict[TopicPartition, _Reading] = {}
        self._unopened: set[TopicPartition] = set()
        self._joined = False
        self._consumer: Any = None
        self._check_at_s = 0.0
        self.following = asyncio.Event()
        """Set once this member has opened its partitions for the first time: from then on it reads the log."""

    @property
    def name(self) -> str:
        """The view's name."""
        return self._view.positions.view

    @property
    def whole(self) -> bool:
        """Whether this member has its partitions and has read each up to its mark."""
        return self._joined and not self._unopened and all(each.whole for each in self._open.values())

    def caught_up(self, within_ms: float) -> bool:
        """Whether every partition of this member was read up to the end that the broker told within this time.

        A member without partitions reads nothing, and so cannot know.
        """
        if not self.whole or not self._open:
            return False
        try:
            return all(self._is_at_end(partition, within_ms) for partition in self._open)
        except (AssertionError, KafkaError):
            return False  # a rebalance has just begun

    async def behind(self) -> dict[str, int]:
        """By topic, how many records of this member's partitions are in the log and not in the view.

        Raises:
            KafkaError: no broker tells where the log ends.
        """
        found: dict[str, int] = {}
        if self._consumer is None:
            return found
        reached = {partition: reading.position for partition, reading in self._open.items()}
        ends = await self._consumer.end_offsets(list(reached))
        for partition, position in reached.items():
            topic, _ = self._named(partition)
            found[topic] = found.get(topic, 0) + max(0, ends[partition] - position)
        return found

    async def follow(self, stopping: asyncio.Event) -> None:
        """Follow the log until told to stop; waits out a Kafka or a Redis that is away."""
        while not stopping.is_set():
            try:
                await self._be_member(stopping)
            except (KafkaError, Unavailable, TimeoutError) as error:
                log.warning("%s cannot read the log: %r; trying again", self.name, error)
                self._waits.labels(getattr(error, "part", "kafka")).inc()
                await _pause(stopping, RETRY_S)

    async def _be_member(self, stopping: asyncio.Event) -> None:
        consumer = group_consumer(self._kafka, self._settings, self._group)
        try:
            await consumer.start()
            await self._refuse_missing_topics(consumer)
            self._consumer = consumer
            consumer.subscribe(list(self._topics), listener=_Assignments(self))
            while not stopping.is_set():
                await self._turn(consumer, stopping)
        finally:
            self.lose(())
            self._consumer = None
            await consumer.stop()

    async def _turn(self, consumer: Any, stopping: asyncio.Event) -> None:
        try:
            if self._unopened:
                await self._open_partitions(consumer)
            if self._joined and not self._unopened:
                self.following.set()
            await self._apply_all(await consumer.getmany(timeout_ms=POLL_MS, max_records=self._settings.batch_records))
            if asyncio.get_running_loop().time() >= self._check_at_s:
                await self._check()
        except Unavailable as error:
            # What was read may be in the view or not: Redis will say.
            log.warning("%s waits: %s", self.name, error)
            self._waits.labels(error.part).inc()
            self._unopened |= self._open.keys()
            await _pause(stopping, error.after_s / 2)

    def gain(self, partitions: Iterable[TopicPartition]) -> None:
        """Partitions were assigned: they are to be opened before any of their records is applied."""
        self._open.clear()
        self._unopened = set(partitions)
        self._joined = True

    def lose(self, _: Iterable[TopicPartition]) -> None:
        """All partitions are gone: a rebalance begins."""
        self._open.clear()
        self._unopened.clear()
        self._joined = False

    async def _refuse_missing_topics(self, consumer: Any) -> None:
        if missing := self._topics.keys() - await consumer.topics():
            raise Unavailable("kafka", f"there are no topics {', '.join(sorted(missing))}; create them first")

    async def _open_partitions(self, consumer: Any) -> None:
        partitions = sorted(self._unopened)
        # Before the ends: a Redis that is set back after this is another run, of which no mark below says anything.
        standings = await self._view.positions.read([self._named(each) for each in partitions])
        async with asyncio.timeout(KAFKA_PATIENCE_S):
            starts = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        for partition, standing in zip(partitions, standings, strict=True):
            topic, number = self._named(partition)
            position, end = standing.position, ends[partition]
            if position > end:
                log.error("%s: the log of %s is shorter than the view: reading it from its start", self.name, partition)
                await self._view.positions.start_over(topic, number)
                position = 0
            start = max(position, starts[partition])
            if standing.whole != (start >= end) or not standing.current:
                await self._view.positions.mark_whole(topic, number, is_whole=start >= end, run=standing.run)
            if partition not in self._unopened:
                return  # taken away meanwhile
            consumer.seek(partition, start)
            self._open[partition] = _Reading(self._topics[partition.topic], position, end, start >= end, standing.run)
            self._unopened.discard(partition)

    async def _apply_all(self, found: Mapping[TopicPartition, Sequence[Any]]) -> None:
        work = (self._apply(self._open[partition], partition, records) for partition, records in self._ready(found))
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _ready(self, found: Mapping[TopicPartition, Sequence[Any]]) -> Iterable[tuple[TopicPartition, Sequence[Any]]]:
        return [(each, found[each]) for each in found if each in self._open and each not in self._unopened]

    async def _apply(self, reading: _Reading, partition: TopicPartition, records: Sequence[Any]) -> None:
        for portion in portions(await self._read(reading, partition.partition, records)):
            last = portion[-1].place
            match await self._view.apply(portion):
                case Done():
                    reading.position = last.offset + 1
                    reading.whole = reading.whole or reading.position >= reading.mark
                case Seek(position=position):
                    log.warning("%s: %s goes on from %d, where Redis stands", self.name, partition, position)
                    self._unopened.add(partition)
                    return
                case Stuck(place=place, error=error):
                    await self._bury(place, error, records)
                    self._unopened.add(partition)
                    return

    async def _read(self, reading: _Reading, partition: int, records: Sequence[Any]) -> list[Told]:
        told: list[Told] = []
        expected = reading.position
        for record in records:
            if record.offset < expected:
                continue
            name = reading.topic.name
            place = Place(name, partition, record.offset, expected, reading.mark, float(record.timestamp), reading.run)
            event = None
            try:
                event = codec.decode(reading.topic, record.value)
            except InvalidEvent as error:
                log.error(
                    "%s: the record at %s:%d:%d is no event: %s", self.name, name, partition, record.offset, error
                )
                await bury_record(self._publisher, self._clock, place, "undecodable", str(error), record)
                self._buried.labels("undecodable").inc()
            told.append(Told(event, place, len(record.value or b"")))
            expected = record.offset + 1
        return told

    async def _bury(self, place: Place, error: str, records: Sequence[Any]) -> None:
        """Bury a record that the view cannot take, and pass over it."""
        log.error(
            "%s cannot take the record at %s:%d:%d: %s", self.name, place.topic, place.partition, place.offset, error
        )
        record = next(each for each in records if each.offset == place.offset)
        await bury_record(self._publisher, self._clock, place, "poison", error, record)
        self._buried.labels("poison").inc()
        await self._view.positions.pass_over(place)

    async def _check(self) -> None:
        """See whether Redis still stands where we left it: it may have been emptied while nothing was to be read."""
        self._check_at_s = asyncio.get_running_loop().time() + self._settings.check_every_s
        readings = [(each, self._open[each]) for each in self._open if each not in self._unopened]
        standings = await self._view.positions.read([self._named(each) for each, _ in readings])
        for (partition, reading), standing in zip(readings, standings, strict=True):
            if standing.position != reading.position:
                log.warning("%s: Redis stands at %d in %s, not at %d: reading on from there",
                            self.name, standing.position, partition, reading.position)  # fmt: skip
                self._unopened.add(partition)
            elif reading.run != standing.run or (reading.whole and not standing.whole):
                # What was accepted before is perhaps only in the log: read to its end of now.
                self._unopened.add(partition)

    def _named(self, partition: TopicPartition) -> tuple[str, int]:
        return self._topics[partition.topic].name, partition.partition

    def _is_at_end(self, partition: TopicPartition, within_ms: float) -> bool:
        told_ms, end = self._consumer.last_poll_timestamp(partition), self._consumer.highwater(partition)
        if told_ms is None or end is None or self._clock.now_ms() - told_ms > within_ms:
            return False
        return bool(self._open[partition].position >= end)


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc] # the client carries no types
    """Hears which partitions come and go."""

    def __init__(self, member: LogView) -> None:
        self._member = member

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """A rebalance begins."""
        self._member.lose(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """It is over."""
        self._member.gain(assigned)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass
