"""A child process: its own group, its log file, tied to our life, ready within a deadline, stopped within another."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.errors import CannotStart, OurFault
from infra.local.processes import leash
from infra.local.processes.ports import is_free

_PAUSE_S: Final = 0.05
_KILL_WAIT_S: Final = 5.0
_LOG_TAIL_LINES: Final = 12
_LOG_TAIL_BYTES: Final = 16_384
_LOG_KEEP_BYTES: Final = 10_000_000


@dataclass(frozen=True)
class Command:
    """What to run, how to see that it is ready, and what a person can do when it does not start.

    Its `ports` must be free when it starts; a `ready_file` left by an earlier run is removed then.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: Callable[[], bool]
    advice: str
    ports: tuple[int, ...] = ()
    ready_file: Path | None = None
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    ready_within_s: float = 60.0
    stop_within_s: float = 15.0


class Child:
    """A running command. It is killed by the kernel if we die, even by SIGKILL.

    Made in the main thread only: the kernel ties a child to the thread that made it, not to the process.
    Raises CannotStart if another process holds one of its ports: its probe would take that one for ours.
    """

    def __init__(self, command: Command) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise OurFault(f"{command.name} must be started from the main thread: it would die with this one")
        _refuse_taken_ports(command)
        if command.ready_file:
            command.ready_file.unlink(missing_ok=True)
        self.command = command
        # What earlier runs wrote to the log is not why this one fails.
        self._log_start = _prepare_log(command.log)
        self._process = _spawn(command)

    @property
    def pid(self) -> int:
        """Process id; also the id of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.poll()

    def wait_ready(self) -> None:
        """Block until the probe holds.

        Raises:
            CannotStart: it ended, or was not ready in time and was killed.
        """
        for _ in self._until_ready():
            time.sleep(_PAUSE_S)

    async def ready(self) -> None:
        """Wait until the probe holds; raises as `wait_ready` does. The probe itself runs in a thread."""
        steps = self._until_ready()
        while await asyncio.to_thread(next, steps, "ready") != "ready":  # noqa: ASYNC110 - no Event spans processes
            await asyncio.sleep(_PAUSE_S)

    async def ended(self) -> int:
        """Wait until it ends by itself; returns its exit code."""
        while self.exit_code is None:  # noqa: ASYNC110 - no Event spans processes
            await asyncio.sleep(_PAUSE_S)
        return self._process.wait()

    def wait_stopped(self) -> int:
        """Ask it to end, insist after its deadline; returns its exit code."""
        for _ in self._until_stopped():
            time.sleep(_PAUSE_S)
        return self._process.wait(_KILL_WAIT_S)

    async def stopped(self) -> int:
        """The same without blocking the loop."""
        for _ in self._until_stopped():
            await asyncio.sleep(_PAUSE_S)
        return self._process.wait(_KILL_WAIT_S)

    def kill(self) -> None:
        """End it and its group at once and wait for that."""
        self._signal(signal.SIGKILL)
        self._process.wait(_KILL_WAIT_S)

    def _until_ready(self) -> Iterator[str]:
        deadline = time.monotonic() + self.command.ready_within_s
        while True:
            if self.exit_code is not None:
                raise self._cannot_start(f"ended with {ending(self.exit_code)}")
            if self.command.ready():
                return
            if time.monotonic() > deadline:
                self.kill()
                raise self._cannot_start(f"was not ready after {self.command.ready_within_s:g} s")
            yield "not yet"

    def _until_stopped(self) -> Iterator[None]:
        deadline = time.monotonic() + self.command.stop_within_s
        self._signal(signal.SIGTERM)
        while self.exit_code is None and time.monotonic() < deadline:
            yield
        # Whatever the child left in its group ends with it.
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            # Gone already; macOS says "not permitted" of a group of zombies.
            pass

    def _cannot_start(self, why: str) -> CannotStart:
        command = self.command
        tail = "".join(f"\n    {line}" for line in last_lines(command.log, self._log_start))
        return CannotStart(command.name, f"it {why}. Last lines of {command.log}:{tail}", advice=command.advice)


def ending(exit_code: int) -> str:
    """How a process ended, in words."""
    return f"exit code {exit_code}" if exit_code >= 0 else signal.Signals(-exit_code).name


def last_lines(log: Path, start: int = 0) -> list[str]:
    """The end of a log file, at most back to `start`; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-_LOG_TAIL_LINES:]


def _refuse_taken_ports(command: Command) -> None:
    for port in command.ports:
        if not is_free(port):
            raise CannotStart(
                command.name,
                f"port {port} is taken by another process",
                advice=f"end that process (`lsof -i :{port}` names it) or use its address",
            )


def leashed(argv: Sequence[str]) -> tuple[str, ...]:
    """The same command, tied to this process's life."""
    return (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *argv)


def _prepare_log(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    size_bytes = log.stat().st_size if log.exists() else 0
    if size_bytes <= _LOG_KEEP_BYTES:
        return size_bytes
    log.replace(log.with_suffix(".log.1"))
    return 0


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    with command.log.open("ab") as log:
        return subprocess.Popen(
            leashed(command.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=command.environment,
            start_new_session=True,
        )
