"""`headrace up` and `headrace demo` as a person runs them: in a folder of their own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.eventually import eventually_sync

HEADRACE = (sys.executable, "-P", "-m", "infra.cli")


@dataclass(frozen=True)
class Running:
    """One `headrace up` (or demo) as a process, its output in a file."""

    process: subprocess.Popen[bytes]
    folder: Path
    output: Path

    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text()

    def stack(self) -> dict[str, Any]:
        """What stack.json says; empty as long as there is none."""
        try:
            return dict(json.loads((self.folder / ".headrace" / "stack.json").read_text()))
        except FileNotFoundError:
            return {}

    def wait_for(self, text: str, within_s: float = 150.0) -> None:
        """Wait until it has printed that."""
        eventually_sync(
            lambda: text in self.text() or self.process.poll() is not None, within_s=within_s, what=f"{text!r}"
        )
        assert text in self.text(), self.text()

    def wait_until_described(self, within_s: float = 240.0) -> dict[str, int]:
        """Wait until everything runs and stack.json says so; returns the processes by name."""
        eventually_sync(
            lambda: bool(self.stack()) or self.process.poll() is not None, within_s=within_s, what="stack.json"
        )
        assert self.process.poll() is None, self.text()
        return self.pids()

    def pids(self) -> dict[str, int]:
        """Processes of the stack by name."""
        return dict(self.stack()["processes"])


@contextmanager
def headrace(command: str, folder: Path, *options: str, **environment: str) -> Iterator[Running]:
    """Run `headrace <command>` in a folder; it is killed at the end if it still runs."""
    with started((*HEADRACE, command, *options), folder, {**os.environ, **environment}) as running:
        yield running


@contextmanager
def started(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Running]:
    """Run a command line in a folder, under this environment; it is killed at the end if it still runs."""
    output = folder / f"output-{time.monotonic_ns()}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(argv, cwd=folder, stdout=file, stderr=file, env=environment)
    try:
        yield Running(process, folder, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(45)


def alive(pid: int) -> bool:
    """Whether that process runs."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def none_left(pids: dict[str, int]) -> None:
    """Wait until none of those processes runs any more; fails by name."""
    eventually_sync(lambda: not any(alive(pid) for pid in pids.values()), within_s=45, what=f"the end of {pids}")
