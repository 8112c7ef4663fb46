"""Where to begin to read: now, at the start, at a time, or so many records ago. Pure but for what the broker says."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Now:
    """What comes from now on."""


@dataclass(frozen=True)
class FromStart:
    """All that the log still holds."""


@dataclass(frozen=True)
class Since:
    """What the broker took at this time or later."""

    at_ms: float


@dataclass(frozen=True)
class Last:
    """The newest so many records of all topics together."""

    count: int


Begin = Now | FromStart | Since | Last


def instant_ms(text: str, now_ms: float) -> float:
    """The time that `10m` (ago) or `2026-01-31T12:00` stands for.

    Raises:
        ValueError: it is neither.
    """
    if found := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return now_ms - float(found[1]) * _UNITS_S[found[2]] * 1000
    return datetime.fromisoformat(text).astimezone().timestamp() * 1000


def offsets(consumer: Any, partitions: list[Any], begin: Begin, ends: dict[Any, int]) -> dict[Any, int]:
    """By partition, the first offset to read."""
    match begin:
        case Now():
            return ends
        case FromStart():
            return dict(consumer.beginning_offsets(partitions))
        case Since(at_ms=at_ms):
            found = consumer.offsets_for_times({each: int(at_ms) for each in partitions})
            return {each: found[each].offset if found.get(each) else ends[each] for each in partitions}
        case Last(count=count):
            starts = consumer.beginning_offsets(partitions)
            return {each: max(starts[each], ends[each] - count) for each in partitions}
