"""How many processors are ours: those we may run on, and no more than our control groups let us use at a time."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MEMBERSHIP: Final = Path("/proc/self/cgroup")
_GROUPS: Final = Path("/sys/fs/cgroup")


def compute_threads() -> int:
    """One core is left to the others: with all of them taken, llama.cpp's barriers collapse."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = quota_cores(_read(_MEMBERSHIP), _GROUPS)
    return max(1, min(cores, math.ceil(quota)) - 1) if math.isfinite(quota) else max(1, cores - 1)


def quota_cores(membership: str, groups: Path) -> float:
    """The least of what the control groups of a process, and those above them, let it use; `inf` without a limit.

    `membership` is what /proc/PID/cgroup says (cgroups(7)); `groups` is where the groups are mounted. In a container
    they may be named as outside of it, where nothing of that name is mounted: the topmost ones are then its own.
    """
    return min((limit for folder in _folders(membership, groups) for limit in _limits(folder)), default=math.inf)


def _folders(membership: str, groups: Path) -> Iterator[Path]:
    for line in membership.splitlines():
        _, _, place = line.partition(":")
        controllers, _, path = place.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = groups / controllers
        own = top / path.strip("/")
        yield from (each for each in (own, *own.parents) if each.is_relative_to(top))


def _limits(folder: Path) -> Iterator[float]:
    """Processors by `cpu.max` (version 2: quota, period) or the two files of version 1; `max` and -1 are none."""
    given = _read(folder / "cpu.max").split() or [
        *_read(folder / "cpu.cfs_quota_us").split(),
        *_read(folder / "cpu.cfs_period_us").split(),
    ]
    match given:
        case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
            yield int(quota) / int(period)
        case _:
            return


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
