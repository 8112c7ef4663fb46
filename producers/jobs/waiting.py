"""Where a job stands in its lane, and when it may start, from how far apart the jobs of the lane started lately."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from producers.events import Lane
from producers.state.scripts import Scripts, asked

FEWEST_GAPS = 5
"""Below so many nothing can be said of a lane's pace."""
_NINE_IN_TEN = 1.645


@dataclass(frozen=True)
class Pace:
    """How far apart jobs of a lane start while others wait; `since_ms` is how long the last start is over."""

    gaps: int
    mean_ms: float
    variance: float
    since_ms: float


@dataclass(frozen=True)
class Outlook:
    """How long until a job may start, and between what bounds in about nine of ten cases."""

    wait_ms: float
    least_ms: float
    most_ms: float


@dataclass(frozen=True)
class Place:
    """Where a job stands: 1 is next. `now_ms` is the time of Redis, at which it was looked up."""

    position: int
    pace: Pace | None
    now_ms: float

    @property
    def outlook(self) -> Outlook | None:
        """When it may start; None where nothing waited lately, so that nobody knows how fast the lane is."""
        return None if self.pace is None else outlook(self.position, self.pace)


def outlook(position: int, pace: Pace) -> Outlook | None:
    """So many starts from now, each a gap after the one before; a lane that stands still may do so as long again.

    The spread is that of the gaps themselves, and that of their mean, which is taken over few of them. Pure.
    """
    if pace.gaps < FEWEST_GAPS:
        return None
    overdue_ms = max(0.0, pace.since_ms - pace.mean_ms)
    wait_ms = position * pace.mean_ms + overdue_ms
    deviation_ms = math.sqrt(pace.variance * (position + position**2 / pace.gaps))
    off_ms = _NINE_IN_TEN * deviation_ms
    return Outlook(wait_ms, max(0.0, wait_ms - overdue_ms - off_ms), wait_ms + overdue_ms + off_ms)


async def places_of(scripts: Scripts, jobs: Sequence[tuple[str, Lane]]) -> list[Place | None]:
    """Where each of these jobs stands among those of its lane, in one round trip; None where it does not wait.

    Raises:
        Unavailable: Redis does not answer.
    """
    lanes = list(dict.fromkeys(lane for _, lane in jobs))
    pipeline: Any = scripts.redis.pipeline(transaction=False)
    for job_id, lane in jobs:
        pipeline.zrank(f"{scripts.prefix}lane:{lane}:waiting", job_id)
    for lane in lanes:
        pipeline.hmget(f"{scripts.prefix}lane:{lane}:pace", "gaps", "mean", "variance", "at")
    pipeline.time()
    *found, (seconds, micros) = await asked(pipeline.execute()) if jobs else [(0, 0)]
    now_ms = seconds * 1000 + micros / 1000
    paces = {lane: _pace(told, now_ms) for lane, told in zip(lanes, found[len(jobs) :], strict=True)}
    return [
        None if rank is None else Place(rank + 1, paces[lane], now_ms)
        for (_, lane), rank in zip(jobs, found, strict=False)
    ]


def _pace(told: Sequence[bytes | None], now_ms: float) -> Pace | None:
    if None in told:
        return None
    gaps, mean_ms, variance, at_ms = (float(each or 0) for each in told)
    return Pace(int(gaps), mean_ms, variance, now_ms - at_ms)
