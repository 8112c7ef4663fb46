"""The audit log read back: pages of `audit`, newest or oldest first, straight from the topic."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from kafka import TopicPartition

from infra import kafka
from infra.errors import InvalidEvent, Unavailable
from infra.settings import KafkaSettings
from producers.events import ActRecorded
from producers.log import codec
from producers.log.topics import AUDIT

WINDOW: Final = 500
"""Records looked at in one go."""
PATIENCE_POLLS: Final = 50
POLL_MS: Final = 200


@dataclass(frozen=True)
class Recorded:
    """An act, and its place in the log, which is its number."""

    offset: int
    act: ActRecorded


@dataclass(frozen=True)
class AuditPage:
    """Some of the record, and whether there is more of it."""

    acts: list[Recorded]
    has_more: bool


@dataclass(frozen=True)
class AuditAsked:
    """Which page: after that act, so many at most; only those of one key or tenant, if it is named."""

    after: int | None = None
    limit: int = 20
    newest_first: bool = True
    target: str | None = None


def read(settings: KafkaSettings, asked: AuditAsked) -> AuditPage:
    """That page; it blocks, so ask it from a thread.

    Raises:
        Unavailable: the broker does not answer.
    """
    partition = TopicPartition(f"{settings.topic_prefix}{AUDIT.name}", 0)
    consumer = kafka.consumer(settings, "headrace-audit")
    try:
        consumer.assign([partition])
        begin, end = (of([partition])[partition] for of in (consumer.beginning_offsets, consumer.end_offsets))
        found: list[Recorded] = []
        for start, stop in _windows(begin, end, asked):
            here = [each for each in _records(consumer, partition, start, stop) if _wanted(each, asked)]
            found += reversed(here) if asked.newest_first else here
            if len(found) > asked.limit:
                break
        return AuditPage(found[: asked.limit], len(found) > asked.limit)
    finally:
        consumer.close()


def _windows(begin: int, end: int, asked: AuditAsked) -> Iterator[tuple[int, int]]:
    """The stretches of the log to look at, in the order asked for."""
    if asked.newest_first:
        stop = end if asked.after is None else min(end, asked.after)
        while stop > begin:
            yield max(begin, stop - WINDOW), stop
            stop -= WINDOW
    else:
        start = begin if asked.after is None else max(begin, asked.after + 1)
        while start < end:
            yield start, min(end, start + WINDOW)
            start += WINDOW


def _records(consumer: Any, partition: TopicPartition, start: int, stop: int) -> Iterator[Recorded]:
    consumer.seek(partition, start)
    for _ in range(PATIENCE_POLLS):
        for record in consumer.poll(timeout_ms=POLL_MS, max_records=stop - start).get(partition, ()):
            if record.offset < stop and (act := _decoded(record.value)) is not None:
                yield Recorded(record.offset, act)
        if consumer.position(partition) >= stop:
            return
    raise Unavailable("kafka", "the audit log could not be read in time")


def _decoded(value: bytes | None) -> ActRecorded | None:
    try:
        found: ActRecorded = codec.decode(AUDIT, value)
    except InvalidEvent:
        return None
    return found


def _wanted(each: Recorded, asked: AuditAsked) -> bool:
    return asked.target is None or asked.target in {each.act.target, each.act.tenant, each.act.actor}
