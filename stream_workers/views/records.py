"""A record as a view reads it, and what becomes of a batch of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from infra.errors import InvalidEvent
from producers.log import codec
from producers.log.places import Place
from producers.log.topics import Topic
from producers.state.positions import Applied, Move, Positions, Seek, verdict
from producers.state.scripts import Call, Scripts
from stream_workers.views.partitions import Reading

MOST_RECORDS = 200
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ReadRecord:
    """One record: its event, or None where its bytes are none; `error` then says why, and it is buried first."""

    event: Any | None
    move: Move
    size_bytes: int
    error: str = ""
    record: Any = None
    """As the client read it."""


@dataclass(frozen=True)
class Done:
    """All records of the batch are in the view."""

    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stuck:
    """Those before this one are in the view; this one cannot be applied, now or ever."""

    move: Move
    error: str


class View(Protocol):
    """What a record does in Redis: the view's own part."""

    positions: Positions
    topics: tuple[Topic, ...]

    async def apply(self, batch: Sequence[ReadRecord]) -> Done | Seek | Stuck:
        """Apply records of one partition in their order, each with its offset.

        Raises:
            Unavailable: a part does not answer; any of the records may be in.
        """
        ...


def told_by(records: Iterable[Any], reading: Reading, topic: Topic) -> Iterator[ReadRecord]:
    """The records of a partition that were not read before; each expects Redis where the one before leaves it."""
    expected = reading.expected
    for record in (each for each in records if each.offset >= reading.next):
        place = Place(*reading.partition, record.offset)
        move = Move(place, expected, reading.mark, float(record.timestamp), reading.run)
        size_bytes = len(record.value or b"")
        try:
            yield ReadRecord(codec.decode(topic, record.value), move, size_bytes, record=record)
        except InvalidEvent as error:
            yield ReadRecord(None, move, size_bytes, str(error), record)
        expected = record.offset + 1


async def run_steps(scripts: Scripts, steps: Sequence[tuple[Move, Call]]) -> Done | Seek | Stuck:
    """Run the script of each record in one round trip; each moves the position that the next one expects.

    Raises:
        Unavailable: Redis does not answer; any of them may have run.
    """
    results: list[str] = []
    answers = await scripts.run_many([call for _, call in steps])
    for (move, _), answer in zip(steps, answers, strict=True):
        if isinstance(answer, Exception):
            return Stuck(move, f"{type(answer).__name__}: {answer}")
        match verdict(answer):
            case Applied(result=result):
                results.append(result)
            case Seek() as seek:
                return seek
    return Done(tuple(results))


def portions(records: Iterable[ReadRecord]) -> Iterator[list[ReadRecord]]:
    """Cut a batch so that no round trip carries too many records or bytes."""
    portion: list[ReadRecord] = []
    size_bytes = 0
    for each in records:
        if portion and (len(portion) >= MOST_RECORDS or size_bytes + each.size_bytes > MOST_BYTES):
            yield portion
            portion, size_bytes = [], 0
        portion.append(each)
        size_bytes += each.size_bytes
    if portion:
        yield portion
