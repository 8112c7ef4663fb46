"""The analytics room's processes for tests, and a log to feed them."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import TopicPartition

from analytics.ingest.tables import sources
from analytics.settings import AnalyticsSettings
from infra import kafka
from infra.local.processes.process import Command
from infra.settings import ClickHouseSettings, KafkaSettings, ServiceSettings, child_environment
from infra.telemetry.settings import MetricsSettings
from producers.log import codec, partitioning, topic_admin
from producers.log.topics import DEAD_LETTERS, Topic
from tests.support.stack import RunningPart
from tests.support.topics import a_raw_producer

READ = tuple(each.topic for each in sources(store_text=True))


@contextmanager
def an_ingest(
    folder: Path, log: KafkaSettings, store: ClickHouseSettings, settings: AnalyticsSettings, metrics: str = ""
) -> Iterator[RunningPart]:
    """`headrace ingest`, not started yet; stopped at the end. `metrics`: where it tells what it counts."""
    ready = folder / "ingest.ready"

    def prepare() -> Command:
        ready.unlink(missing_ok=True)
        return Command(
            name="ingest",
            argv=(sys.executable, "-m", "infra.cli", "ingest"),
            log=folder / "ingest.log",
            ready=ready.exists,
            advice="",
            environment=child_environment(
                log, store, settings, ServiceSettings(ready_file=str(ready)), MetricsSettings(address=metrics)
            ),
        )

    part = RunningPart(prepare=prepare)
    try:
        yield part
    finally:
        part.stop()


@dataclass
class Log:
    """The topics that analytics reads, and a pen that waits for no acknowledgement before `flush`."""

    settings: KafkaSettings
    producer: Any

    def tell(self, topic: Topic, key: str, event: Any) -> None:
        """Publish an event."""
        self.write(topic, partitioning.of_key(key, topic.partitions), codec.encode(event), key)

    def write(self, topic: Topic, partition: int, value: bytes, key: str = "") -> None:
        """Publish any bytes."""
        name = self.settings.topic_prefix + topic.name
        self.producer.send(name, value=value, key=key.encode() or None, partition=partition)

    def flush(self) -> None:
        """Wait until all of it is acknowledged."""
        self.producer.flush()

    def dead_letters(self) -> list[Any]:
        """Every dead letter there is."""
        reader = kafka.consumer(self.settings, "a-test")
        try:
            places = [_place(self.settings, partition) for partition in range(DEAD_LETTERS.partitions)]
            reader.assign(places)
            reader.seek_to_beginning()
            ends = reader.end_offsets(places)
            letters: list[Any] = []
            while any(reader.position(place) < ends[place] for place in places):
                for records in reader.poll(timeout_ms=200).values():
                    letters += [codec.decode(DEAD_LETTERS, record.value) for record in records]
            return letters
        finally:
            reader.close()


def a_log(settings: KafkaSettings) -> Log:
    """Topics of this test's own."""
    topic_admin.create(settings, [*READ, DEAD_LETTERS])
    return Log(settings, a_raw_producer(settings))


def tell_all(log: Log, topic: Topic, events: Iterable[Any]) -> None:
    """Publish events keyed by their job."""
    for event in events:
        log.tell(topic, event.job_id, event)
    log.flush()


def _place(settings: KafkaSettings, partition: int) -> Any:
    return TopicPartition(settings.topic_prefix + DEAD_LETTERS.name, partition)
