"""How a view reads the records of a partition."""

from dataclasses import dataclass

from producers.events import AnswerCompleted
from producers.log import codec
from producers.log.topics import ANSWERS
from producers.state.positions import StoredPosition
from stream_workers.views.partitions import Partition, opening
from stream_workers.views.records import told_by
from tests.support.builders import a_completed, a_prompt


@dataclass
class Record:
    """As a client reads it, as far as this matters."""

    offset: int
    value: bytes | None = codec.encode(a_completed(a_prompt()))
    timestamp: int = 7


READING = opening(Partition("answers", 2), 1, StoredPosition(4, whole=False, run="a", current=True), start=6, end=9)


def test_the_first_record_after_expired_ones_moves_redis_from_where_it_stands_each_other_from_the_last() -> None:
    moves = [each.move for each in told_by([Record(6), Record(8)], READING, ANSWERS)]

    assert [(str(each.place), each.expected) for each in moves] == [("answers:2:6", 4), ("answers:2:8", 7)]
    assert {(each.mark, each.timestamp_ms, each.run) for each in moves} == {(9, 7.0, "a")}


def test_what_was_read_before_is_passed_over() -> None:
    assert [each.move.place.offset for each in told_by(map(Record, range(4, 8)), READING, ANSWERS)] == [6, 7]


def test_a_record_that_is_no_event_is_told_with_the_reason() -> None:
    good, bad, nothing = told_by([Record(6), Record(7, b"{"), Record(8, None)], READING, ANSWERS)

    assert isinstance(good.event, AnswerCompleted)
    assert [each.event for each in (bad, nothing)] == [None, None]
    assert all(each.error for each in (bad, nothing))
    assert (good.error, good.size_bytes > 100, bad.size_bytes, nothing.size_bytes) == ("", True, 1, 0)
