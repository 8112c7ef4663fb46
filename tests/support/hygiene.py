"""What a test may not leave behind: tasks, threads, child processes, changes of the environment."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import blockbuster

from tests.support.stack import SHARED_PIDS

OURS = ("gateway", "producers", "stream_workers", "analytics", "infra")
# They start and watch processes for tests; nobody is served on the loop they would block.
MAY_BLOCK = (
    "infra.local.processes.process",
    "infra.local.disk.jars",
    "infra.local.kafka.embedded",
    "infra.local.redis",
    "infra.local.kafka.warmup",
    "infra.local.processes.ports",
    "infra.local.stack.supervisor",
)

Found = TypeVar("Found")

_PATIENCE_S = 20.0
_PAUSE_S = 0.01


@contextmanager
def no_environment_change() -> Iterator[None]:
    """Fails when the environment differs afterwards."""
    before = _environment()
    yield
    assert before == _environment(), "the test changed the environment"


@contextmanager
def no_thread_left(*, but_of_the_loop: bool = False) -> Iterator[None]:
    """Fails when a thread is left that was not there before; those about to end get a moment.

    A loop that outlives the test (`but_of_the_loop`) keeps its executor's threads, as many as it ever needed at once.
    """
    before = set(threading.enumerate())
    yield

    def is_left(thread: threading.Thread) -> bool:
        return thread not in before and not (but_of_the_loop and thread.name.startswith("asyncio_"))

    left = _what_stays(lambda: set(filter(is_left, threading.enumerate())))
    assert not left, f"threads left running: {left}"


@contextmanager
def no_child_left() -> Iterator[None]:
    """Fails when a child process is left, and ends it; those of session fixtures may stay."""
    before = children()
    yield
    left = _what_stays(lambda: children() - before - SHARED_PIDS)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"child processes left running: {left}"


@contextmanager
def no_blocked_loop() -> Iterator[None]:
    """A call of ours that blocks a running loop raises BlockingError."""
    with blockbuster.blockbuster_ctx(list(OURS), excluded_modules=list(MAY_BLOCK)):
        yield


async def tasks_left(before: set[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
    """Tasks that were not there before and do not end within a moment."""
    deadline = time.monotonic() + _PATIENCE_S
    while left := {each for each in asyncio.all_tasks() if each not in before and each is not asyncio.current_task()}:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(_PAUSE_S)
    return left


def children() -> set[int]:
    """Ids of our own living child processes."""
    me = os.getpid()
    if Path("/proc/self").exists():
        return {int(pid) for pid, state in _children_by_proc(me) if state != "Z"}
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat=,comm="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 3) for line in listed.stdout.splitlines())
    return {int(pid) for pid, parent, stat, name in rows if int(parent) == me and stat[0] != "Z" and name != "ps"}


def _children_by_proc(me: int) -> Iterator[tuple[str, str]]:
    for task in Path(f"/proc/{me}/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:
            continue
        for pid in pids:
            try:
                yield pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def _what_stays(find: Callable[[], set[Found]]) -> set[Found]:
    deadline = time.monotonic() + _PATIENCE_S
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
    return found
