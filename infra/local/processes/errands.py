"""Commands of ours that are run to their end, by name: the ground never imports the house."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from infra.errors import CannotStart
from infra.local.processes.process import leashed

_WITHIN_S: Final = 60.0
_TAIL_LINES: Final = 12


def headrace(*words: str) -> tuple[str, ...]:
    """The argument list of a `headrace` command; `-P` keeps the current folder from standing in for our rooms."""
    return (sys.executable, "-P", "-m", "infra.cli", *words)


async def run_once(name: str, argv: tuple[str, ...], environment: Mapping[str, str], *, advice: str) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        CannotStart: it failed or did not end in time; `name` says what cannot start for it.
    """
    async with _started(argv, environment, PIPE, PIPE) as process:
        try:
            async with asyncio.timeout(_WITHIN_S):
                out, err = await process.communicate()
        except TimeoutError:
            raise CannotStart(name, f"`{_shown(argv)}` did not end within {_WITHIN_S:g} s", advice=advice) from None
    if process.returncode != 0:
        tail = "\n    ".join(err.decode(errors="replace").splitlines()[-_TAIL_LINES:])
        raise CannotStart(name, f"`{_shown(argv)}` failed ({process.returncode}):\n    {tail}", advice=advice)
    return out.decode()


async def run_shown(argv: tuple[str, ...], environment: Mapping[str, str], *, read: bool) -> tuple[int | None, str]:
    """Run a command that a person watches, and return its exit code; what it prints is ours to `read`, or theirs."""
    async with _started(argv, environment, PIPE if read else None, None) as process:
        out, _ = await process.communicate()
    return process.returncode, (out or b"").decode()


@asynccontextmanager
async def _started(
    argv: tuple[str, ...], environment: Mapping[str, str], out: int | None, err: int | None
) -> AsyncIterator[Process]:
    """A command as a process, its output our own where no pipe is given; it is killed if it is left while it runs."""
    process = await asyncio.create_subprocess_exec(
        *leashed(argv), env=environment, stdin=DEVNULL, stdout=out, stderr=err, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _shown(argv: tuple[str, ...]) -> str:
    own = headrace()
    return " ".join(("headrace", *argv[len(own) :]) if argv[: len(own)] == own else argv)
