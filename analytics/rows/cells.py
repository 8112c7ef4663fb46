"""What a cell of a table takes: what a record says is cut to that."""

import math
from typing import NamedTuple

MAX_UINT16, MAX_UINT32 = 2**16 - 1, 2**32 - 1
_LAST_MS = 4_102_444_800_000  # the year 2100, the end of what ClickHouse's month functions take


class TimedPlace(NamedTuple):
    """Where in the log a record stands, and the broker's time of it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: float


def instant(at_ms: float) -> int:
    """A time as the driver takes it for DateTime64(3)."""
    return int(min(max(at_ms, 0.0), _LAST_MS)) if math.isfinite(at_ms) else 0


def whole(number: int, most: int = MAX_UINT32) -> int:
    """A number as an unsigned column takes it."""
    return min(max(number, 0), most)
