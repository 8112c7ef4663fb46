"""The hygiene fixtures see what they are there to see."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest
from blockbuster import BlockingError

from infra.clock import ManualClock
from infra.ids import new_id
from tests.support import hygiene


def test_a_thread_left_running_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hygiene, "_PATIENCE_S", 0.05)
    end = threading.Event()
    thread = threading.Thread(target=end.wait)

    with pytest.raises(AssertionError, match="threads left running"), hygiene.no_thread_left():
        thread.start()

    end.set()
    thread.join()


def test_a_child_left_running_is_seen_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hygiene, "_PATIENCE_S", 0.05)

    with pytest.raises(AssertionError, match="child processes left running"), hygiene.no_child_left():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    assert child.wait(5) < 0


def test_a_changed_environment_is_seen() -> None:
    with pytest.raises(AssertionError, match="changed the environment"), hygiene.no_environment_change():
        os.environ["TRIED_HERE"] = "1"

    del os.environ["TRIED_HERE"]


async def test_a_task_left_running_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hygiene, "_PATIENCE_S", 0.05)
    before = set(asyncio.all_tasks())
    task = asyncio.create_task(asyncio.sleep(600))

    assert await hygiene.tasks_left(before) == {task}

    task.cancel()


class SleepyClock(ManualClock):
    def now_ms(self) -> float:
        time.sleep(0.001)
        return super().now_ms()


async def test_a_call_of_ours_that_blocks_the_loop_is_seen() -> None:
    with pytest.raises(BlockingError):
        new_id("job", SleepyClock())
