"""Which segments of the embedded log may go, from the files of a broker's folder."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.errors import Unavailable
from infra.local.kafka.segments import Partition, Segment, closed_segments, going_bytes, removable
from infra.local.stack.log_room import LogRoom
from infra.settings import KafkaSettings

ANSWERS, EVENTS = ("answers", 0), ("job.events", 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three segments of one partition, one of another, and one that is going."""
    for name, written_s in (
        ("answers-0/00000000000000000000.log", 3),
        ("answers-0/00000000000000000010.log", 5),
        ("answers-0/00000000000000000025.log", 9),
        ("job.events-1/00000000000000000000.log", 4),
        ("answers-0/00000000000000000000.log.deleted", 1),
        ("meta.properties/x", 1),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(8192))
        os.utime(path, (written_s, written_s))
    return tmp_path


def test_a_segment_is_closed_once_another_follows_it(data: Path) -> None:
    found = sorted(closed_segments(data), key=lambda each: each.end)

    assert found == [Segment(ANSWERS, 10, 8192, 3.0), Segment(ANSWERS, 25, 8192, 5.0)]
    assert going_bytes(data) == 8192


def test_the_oldest_go_first_and_no_more_than_must() -> None:
    segments = [Segment(ANSWERS, 10, 100, 3), Segment(EVENTS, 7, 100, 2), Segment(ANSWERS, 20, 100, 4)]
    read = {ANSWERS: 20, EVENTS: 7}

    assert [each.written_s for each in removable(segments, read, 150)] == [2, 3]
    assert removable(segments, read, 0) == []


@pytest.mark.parametrize("read", [{}, {ANSWERS: 0}, {ANSWERS: 9}])
def test_what_somebody_has_still_to_read_stays(read: Mapping[Partition, int]) -> None:
    assert removable([Segment(ANSWERS, 10, 100, 3)], read, 1000) == []


async def test_a_log_within_its_limit_is_left_alone_and_so_is_one_whose_readers_nobody_can_tell(data: Path) -> None:
    async def away() -> Mapping[Partition, int]:
        raise Unavailable("redis", "is away")

    assert await LogRoom(KafkaSettings(), data, 10**9, away).make() == 0
    assert await LogRoom(KafkaSettings(), data, 10_000, away).make() > 20_000
