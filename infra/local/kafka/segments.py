"""Which parts of the embedded log may go when it has grown too large: the oldest that every reader has read.

Kafka keeps a partition in segments, files named by the offset of their first record; only whole segments free room.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 512

Partition = tuple[str, int]
"""A topic and the number of a partition of it."""


@dataclass(frozen=True)
class Segment:
    """A closed segment: the offset after its last record, what it takes on disk, and when it was last written to."""

    partition: Partition
    end: int
    size_bytes: int
    written_s: float


def closed_segments(data: Path) -> Iterator[Segment]:
    """Every segment in a broker's data folder but the one that each partition writes to."""
    for folder in data.iterdir():
        topic, _, number = folder.name.rpartition("-")
        if not number.isdecimal():
            continue
        files = sorted(folder.glob("*.log"))
        for file, following in pairwise(files):
            if (stat := _stat(file)) is not None:
                end, size_bytes = int(following.stem), stat.st_blocks * _BLOCK_BYTES
                yield Segment((topic, int(number)), end, size_bytes, stat.st_mtime)


def going_bytes(data: Path) -> int:
    """What the broker has dropped, and removes some seconds later."""
    return sum(stat.st_blocks * _BLOCK_BYTES for file in data.glob("*/*.deleted") if (stat := _stat(file)) is not None)


def removable(segments: Iterable[Segment], read: Mapping[Partition, int], excess_bytes: int) -> list[Segment]:
    """Which segments may go so that the log takes so much less: the oldest that are read whole. Pure.

    `read` is the offset in each partition before which everything is read by all; others are left alone.
    """
    found: list[Segment] = []
    for each in sorted(segments, key=lambda segment: (segment.written_s, segment.end)):
        if excess_bytes <= 0:
            break
        if each.end <= read.get(each.partition, 0):
            found.append(each)
            excess_bytes -= each.size_bytes
    return found


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        # The broker has just removed it.
        return None
