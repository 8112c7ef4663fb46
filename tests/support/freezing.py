"""A process that stands still, as one does on a machine that swaps or was paused."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STILL = frozenset("TXZ")
"""States of a thread that runs no more, as of proc(5): stopped, or gone."""


@contextmanager
def frozen(pid: int, within_s: float = 10.0) -> Iterator[None]:
    """Meanwhile no thread of the process runs; it may be dead at the end.

    A stop signal is only sent by `kill`: on a busy machine a thread goes on for a while, and may still answer.

    Raises:
        TimeoutError: A thread of it still ran after `within_s`.
    """
    os.kill(pid, signal.SIGSTOP)
    try:
        end_s = time.monotonic() + within_s
        while not _threads_states(pid) <= STILL:
            if time.monotonic() > end_s:
                raise TimeoutError(f"process {pid} still runs {within_s} s after it was told to stop")
            time.sleep(0.001)
        yield
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # it was killed meanwhile


def _threads_states(pid: int) -> set[str]:
    """One letter a state, after the name in brackets."""
    states = set()
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            states.add(stat.read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # this thread has ended
    return states
