"""What the system says of processes and cores: seconds of processor, and memory."""

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

CALM = 0.2
"""A machine whose cores are busy for no more of the time is as good as idle."""
LOOK_S = 0.25
MOST_WAIT_S = 15.0


@dataclass(frozen=True)
class Memory:
    """What a process holds: all of its pages, and its share of them where others hold them, too."""

    rss_bytes: int
    pss_bytes: int


def memory(pid: int) -> Memory:
    """Of this process alone."""
    found = psutil.Process(pid).memory_full_info()
    return Memory(found.rss, found.pss)


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process and all beneath it have used so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


async def calm() -> None:
    """Return when all cores together have been calm for a moment; on a machine that others use, after a while."""
    cores = sorted(os.sched_getaffinity(0))
    until_s = time.monotonic() + MOST_WAIT_S
    while time.monotonic() < until_s:
        before_s, began_s = busy_s(cores), time.monotonic()
        await asyncio.sleep(LOOK_S)
        if busy_s(cores) - before_s <= CALM * len(cores) * (time.monotonic() - began_s):
            return


def busy_s(cores: Iterable[int]) -> float:
    """Seconds that these cores have been busy so far, with whatever it was; what the host took away counts, too."""
    found = psutil.cpu_times(percpu=True)
    return float(sum(sum(found[core]) - found[core].idle - found[core].iowait for core in cores))
