"""Reading topics as they grow, record for record, as a bystander: in no group, and without a trace."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from infra import kafka
from infra.errors import Unavailable
from infra.settings import KafkaSettings
from producers.log.topics import Topic
from producers.tail.places import Begin, Last, offsets
from producers.tail.seen import Seen, seen

_POLL_MS: Final = 200


def follow(
    settings: KafkaSettings,
    topics: Sequence[Topic],
    begin: Begin,
    *,
    goes_on: bool,
    ended: Callable[[], bool],
    tell: Callable[[str], None],
) -> Iterator[Seen]:
    """Every record from `begin` on, until `ended`; without `goes_on`, up to where the topics ended at the start.

    Records of one poll come by their time; of each partition they come in its order. A broker that goes away is told
    of and waited for.

    Raises:
        Unavailable: no broker answers, or a topic is not there.
    """
    with closing(kafka.consumer(settings, "headrace-tail")) as consumer:
        known = {f"{settings.topic_prefix}{each.name}": each for each in topics}
        partitions = [TopicPartition(name, each) for name in known for each in _partitions(consumer, name)]
        ends = dict(consumer.end_offsets(partitions))
        places = offsets(consumer, partitions, begin, ends)
        consumer.assign(partitions)
        for each, offset in places.items():
            consumer.seek(each, offset)
        backlog: list[Seen] = []
        while not ended():
            found = [seen(known[place.topic], record) for place, record in _polled(consumer, tell)]
            is_behind = any(consumer.position(each) < end for each, end in ends.items())
            if isinstance(begin, Last) and ends:
                # The newest of all topics can only be told once all were read.
                backlog += found
                if is_behind:
                    continue
                found, backlog = _by_time(backlog)[-begin.count :] if begin.count else [], []
            yield from _by_time(found)
            if not is_behind:
                ends = {}
                if not goes_on:
                    return


def _by_time(found: list[Seen]) -> list[Seen]:
    return sorted(found, key=lambda each: each.timestamp_ms)


def _polled(consumer: Any, tell: Callable[[str], None]) -> Iterator[tuple[Any, Any]]:
    try:
        polled = consumer.poll(timeout_ms=_POLL_MS)
    except KafkaError as error:
        tell(f"the broker does not answer: {error!r}; trying again")
        return
    for place, records in polled.items():
        for record in records:
            yield place, record


def _partitions(consumer: Any, name: str) -> list[int]:
    try:
        found = consumer.partitions_for_topic(name)
    except KafkaError as error:
        raise Unavailable("kafka", f"no broker tells of {name}: {error!r}") from None
    if not found:
        raise Unavailable("kafka", f"there is no topic {name}; `headrace topics create` makes it")
    return sorted(found)
