"""The supervisor over tiny stand-in programs: order, failures, restarts, the end."""

import asyncio
import errno
import os
import signal
import sys
import time
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from infra.errors import CannotStart
from infra.local.disk.jars import Report
from infra.local.processes.process import Command
from infra.local.stack.progress import StartUp
from infra.local.stack.supervisor import Errand, Part, Supervisor
from tests.support.eventually import eventually
from tests.support.hygiene import children

# Writes its name to the journal when it is ready and when it is told to stop.
STAND_IN = """
import pathlib, signal, sys, time
name, journal, ready = sys.argv[1:4]
def note(word):
    with open(journal, "a") as file:
        file.write(f"{name} {word}\\n")
def stop(*_):
    note("stops")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("starts")
pathlib.Path(ready).write_text("yes")
time.sleep(600)
"""


class Scene:
    """A supervisor, what it says, and the journal of its children."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.changes: list[dict[str, int]] = []
        self.disk_is_full = False
        self.console = Console(file=StringIO(), width=200)
        self.supervisor = Supervisor(self.said.append, self._changed)

    def part(self, name: str, *after: str, stops: int = 0, program: str = STAND_IN) -> Part:
        return Part(name, lambda report: self._command(name, program, report), after, stops)

    async def start(self, *plan: Part | Errand) -> None:
        with StartUp(self.console) as shown:
            await self.supervisor.start(list(plan), shown)

    def journal(self) -> list[str]:
        path = self.folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def shown(self) -> str:
        file = self.console.file
        assert isinstance(file, StringIO)
        return file.getvalue()

    def _changed(self, pids: Mapping[str, int]) -> None:
        self.changes.append(dict(pids))
        if self.disk_is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _command(self, name: str, program: str, report: Report) -> Command:
        report("fetching", 1, 2)
        ready = self.folder / f"{name}.ready"
        return Command(
            name=name,
            argv=(sys.executable, "-c", program, name, str(self.folder / "journal"), str(ready)),
            log=self.folder / f"{name}.log",
            ready_file=ready,
            ready=ready.exists,
            advice="mend it",
            ready_within_s=60,
        )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_each_part_starts_after_what_it_needs_and_stops_before_it(scene: Scene) -> None:
    done: list[str] = []

    async def create_topics() -> None:
        done.append(scene.journal()[-1])

    await scene.start(
        scene.part("door", "topics", stops=0),
        Errand("topics", create_topics, ("ground",)),
        scene.part("ground", stops=1),
    )
    await scene.supervisor.stop()

    assert done == ["ground starts"]
    assert scene.journal() == ["ground starts", "door starts", "door stops", "ground stops"]


async def test_progress_is_told_as_plain_lines_where_there_is_no_terminal(scene: Scene) -> None:
    await scene.start(scene.part("ground"))
    await scene.supervisor.stop()

    lines = [" ".join(line.split()[2:]) for line in scene.shown().splitlines()]
    assert lines == ["ground starting", "ground fetching 50%", "ground starting", "ground ready"]


async def test_a_part_that_cannot_start_is_named_and_nothing_else_is_left_running(scene: Scene) -> None:
    before = children()

    with pytest.raises(CannotStart, match=r"(?s)broken cannot start.*no such model.*mend it"):
        await scene.start(scene.part("ground"), scene.part("broken", "ground", program="exit('no such model')"))
    await scene.supervisor.stop()

    assert children() == before
    assert scene.changes == []


async def test_an_errand_that_fails_stops_the_start(scene: Scene) -> None:
    async def fail() -> None:
        raise CannotStart("topics", "the broker refused", advice="ask it why")

    with pytest.raises(CannotStart, match="the broker refused"):
        await scene.start(scene.part("ground"), Errand("topics", fail, ("ground",)), scene.part("door", "topics"))
    await scene.supervisor.stop()

    assert "door starts" not in scene.journal()


async def test_a_child_that_dies_is_restarted_and_said_so(scene: Scene) -> None:
    await scene.start(scene.part("worker"))
    first = scene.supervisor.pids["worker"]

    os.kill(first, signal.SIGKILL)
    await eventually(lambda: scene.said[-1:] == ["worker is ready again"], what="the restart")

    assert scene.supervisor.pids["worker"] != first
    assert scene.changes == [{"worker": first}, scene.supervisor.pids]
    assert "worker ended with SIGKILL; starting it again in 0.2 s" in scene.said[0]
    await scene.supervisor.stop()


async def test_a_child_that_cannot_be_restarted_is_tried_again_and_again(scene: Scene) -> None:
    path = scene.folder / "broken"
    program = f"import os\nif os.path.exists({str(path)!r}): exit('still broken')\n{STAND_IN}"
    await scene.start(scene.part("worker", program=program))

    path.touch()
    os.kill(scene.supervisor.pids["worker"], signal.SIGKILL)
    await eventually(lambda: any("still broken" in text for text in scene.said), what="a failed restart")
    path.unlink()
    await eventually(lambda: scene.said[-1] == "worker is ready again", what="the restart")

    await scene.supervisor.stop()


async def test_what_cannot_be_written_down_of_a_restart_is_said_and_the_next_death_is_seen_too(scene: Scene) -> None:
    await scene.start(scene.part("worker"))

    scene.disk_is_full = True
    os.kill(scene.supervisor.pids["worker"], signal.SIGKILL)
    await eventually(lambda: scene.said[-1:] == ["worker: [Errno 28] No space left on device"], what="the failure")
    scene.disk_is_full = False
    await eventually(lambda: scene.journal()[-2:] == ["worker starts", "worker starts"], what="the restart")
    os.kill(scene.supervisor.pids["worker"], signal.SIGKILL)
    await eventually(lambda: scene.said[-1] == "worker is ready again", what="the second restart")

    assert scene.changes[-1] == scene.supervisor.pids
    await scene.supervisor.stop()


async def test_stopping_in_mid_start_leaves_nothing(scene: Scene) -> None:

    before = children()
    slow = scene.part("slow", program="import time; time.sleep(600)")
    starting = asyncio.create_task(scene.start(scene.part("ground"), slow))
    await eventually(lambda: "slow" in scene.supervisor.pids and scene.journal() == ["ground starts"])

    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    began = time.monotonic()
    await scene.supervisor.stop()

    assert children() == before
    assert time.monotonic() - began < 45
