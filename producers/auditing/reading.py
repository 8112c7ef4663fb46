"""The log told to a ledger, from its beginning to where it ended when this began, as it comes."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from infra import kafka
from infra.errors import InvalidEvent, Unavailable
from infra.settings import KafkaSettings
from producers.auditing.ledger import Ledger
from producers.events import LANES
from producers.log import codec
from producers.log.places import Place
from producers.log.topics import ANSWERS, BATCHES, BY_NAME, JOB_EVENTS, prompts

PROMPTS: Final = tuple(prompts(lane) for lane in LANES)
TOPICS: Final = (*PROMPTS, ANSWERS, BATCHES, JOB_EVENTS)
SLACK_MS: Final = 3_600_000
"""So far may the log's time of a record be from that at which its job was received: clocks differ, and pens wait."""
SILENCE_S: Final = 30.0
_POLL_MS: Final = 500
_AT_ONCE: Final = 5_000

Tell = Callable[[int, int], None]
"""Told how many records were read, of how many."""
_Offsets = Mapping[TopicPartition, int]


def read_log(settings: KafkaSettings, ledger: Ledger, tell: Tell) -> int:
    """Tell the ledger what concerns its span; how many records nobody can read.

    Raises:
        Unavailable: no broker answers, or a topic is not there.
    """
    with closing(kafka.consumer(settings, "headrace-audit")) as consumer:
        try:
            starts, ends = _bounds(consumer, settings.topic_prefix, ledger)
            return _read(consumer, settings.topic_prefix, ledger, starts, ends, tell)
        except KafkaError as error:
            raise Unavailable("kafka", f"the log cannot be read: {error!r}") from error


def _bounds(consumer: Any, prefix: str, ledger: Ledger) -> tuple[_Offsets, _Offsets]:
    """By partition, the first offset to be read, and the one after the last."""
    partitions = [TopicPartition(name, each) for name in _names(prefix) for each in _partitions(consumer, name)]
    ends = dict(consumer.end_offsets(partitions))
    starts = dict(consumer.beginning_offsets(partitions))
    if ledger.span.from_ms > SLACK_MS:
        starts = _at(consumer, dict.fromkeys(partitions, ledger.span.from_ms - SLACK_MS), ends)
    if ledger.span.to_ms < math.inf:
        of_prompts = [each for each in partitions if each.topic.removeprefix(f"{prefix}prompts.") != each.topic]
        ends |= _at(consumer, dict.fromkeys(of_prompts, ledger.span.to_ms + SLACK_MS), ends)
    for each in partitions:
        ledger.read(each.topic.removeprefix(prefix), each.partition, starts[each], ends[each])
    return starts, ends


def _at(consumer: Any, times: Mapping[TopicPartition, float], ends: _Offsets) -> dict[TopicPartition, int]:
    found = consumer.offsets_for_times({each: int(at_ms) for each, at_ms in times.items()})
    return {each: min(found[each].offset, ends[each]) if found.get(each) else ends[each] for each in times}


def _read(consumer: Any, prefix: str, ledger: Ledger, starts: _Offsets, ends: _Offsets, tell: Tell) -> int:
    consumer.assign(list(starts))
    for each, offset in starts.items():
        consumer.seek(each, offset)
    unreadable, total = 0, sum(ends[each] - starts[each] for each in starts)
    cut = {each for each, offset in starts.items() if offset}
    left, since_s = total, time.monotonic()
    while left:
        for at, records in consumer.poll(timeout_ms=_POLL_MS, max_records=_AT_ONCE).items():
            topic = at.topic.removeprefix(prefix)
            if at in cut:
                cut.remove(at)
                ledger.begins(topic, at.partition, float(records[0].timestamp))
            wanted = (each for each in records if each.offset < ends[at])
            unreadable += sum(not _heard(ledger, topic, record) for record in wanted)
        # A partition read beyond its end would only delay the others.
        done = [each for each in consumer.assignment() if consumer.position(each) >= ends[each]]
        consumer.pause(*done)
        now_left = sum(max(0, ends[each] - consumer.position(each)) for each in starts)
        left, since_s = _progress(left, now_left, since_s)
        tell(total - left, total)
    for each in cut:
        ledger.begins(each.topic.removeprefix(prefix), each.partition, math.inf)
    return unreadable


def _progress(before: int, left: int, since_s: float) -> tuple[int, float]:
    now_s = time.monotonic()
    if left < before:
        return left, now_s
    if now_s - since_s > SILENCE_S:
        raise Unavailable("kafka", f"the broker has told nothing for {SILENCE_S:g} s; {left} records are unread")
    return left, since_s


def _heard(ledger: Ledger, topic: str, record: Any) -> bool:
    try:
        event = codec.decode(BY_NAME[topic], record.value)
    except InvalidEvent:
        return False
    ledger.hear(event, Place(topic, record.partition, record.offset), float(record.timestamp))
    return True


def _names(prefix: str) -> list[str]:
    return [f"{prefix}{each.name}" for each in TOPICS]


def _partitions(consumer: Any, name: str) -> list[int]:
    found = consumer.partitions_for_topic(name)
    if not found:
        raise Unavailable("kafka", f"there is no topic {name}; `headrace topics create` makes it")
    return sorted(found)
