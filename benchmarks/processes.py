"""What the system says of processes and cores: seconds of processor, and memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil


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


def busy_s(cores: Iterable[int]) -> float:
    """Seconds that these cores have been busy so far, with whatever it was; what the host took away counts, too."""
    found = psutil.cpu_times(percpu=True)
    return float(sum(sum(found[core]) - found[core].idle - found[core].iowait for core in cores))
