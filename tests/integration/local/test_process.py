"""Children: ready, stopped, and gone with their parent."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import CannotStart
from infra.local.processes.process import Child, Command
from tests.support.eventually import eventually_sync

PARENT = """
import sys, time
from pathlib import Path
from infra.local.processes.process import Child, Command

child = Child(Command("sleeper", ("sleep", "600"), Path(sys.argv[1]), lambda: True, "nothing"))
child.wait_ready()
print(child.pid, flush=True)
time.sleep(600)
"""


def command(tmp_path: Path, program: str, *, ready_within_s: float = 60.0, stop_within_s: float = 60.0) -> Command:
    ready_file = tmp_path / "ready"
    return Command(
        name="tried",
        argv=(sys.executable, "-c", program, str(ready_file)),
        log=tmp_path / "tried.log",
        ready=ready_file.exists,
        advice="mend it",
        ready_within_s=ready_within_s,
        stop_within_s=stop_within_s,
    )


def lives(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def test_a_child_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert lives(child)

        parent.send_signal(signal.SIGKILL)

    eventually_sync(lambda: not lives(child), what="the child's end")


def test_a_child_that_ends_before_it_is_ready_says_why_and_what_to_do(tmp_path: Path) -> None:
    child = Child(command(tmp_path, "import sys; sys.exit('no such model')"))

    with pytest.raises(CannotStart) as refused:
        child.wait_ready()

    assert "tried cannot start: it ended with exit code 1" in str(refused.value)
    assert "no such model" in str(refused.value)
    assert "mend it" in str(refused.value)


def test_a_child_that_is_never_ready_is_killed_at_its_deadline(tmp_path: Path) -> None:
    child = Child(command(tmp_path, "import time; time.sleep(600)", ready_within_s=0.2))

    with pytest.raises(CannotStart, match=r"was not ready after 0\.2 s"):
        child.wait_ready()

    assert child.exit_code == -signal.SIGKILL


def test_a_program_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    child = Child(Command("tried", ("/nowhere/java",), tmp_path / "log", lambda: False, "install it"))

    with pytest.raises(CannotStart, match="cannot run /nowhere/java: No such file"):
        child.wait_ready()


async def test_a_child_deaf_to_sigterm_is_killed_with_its_group(tmp_path: Path) -> None:
    program = (
        "import signal, subprocess, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "grandchild = subprocess.Popen(['sleep', '600'])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(grandchild.pid))\n"
        "time.sleep(600)\n"
    )
    child = Child(command(tmp_path, program, stop_within_s=0.2))
    await child.ready()
    eventually_sync(lambda: (tmp_path / "ready").read_text() != "")

    assert await child.stopped() == -signal.SIGKILL

    grandchild = int((tmp_path / "ready").read_text())
    eventually_sync(lambda: not lives(grandchild), what="the grandchild's end")
