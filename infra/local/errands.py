"""Commands of ours that are run once on the way up, by name: the ground never imports the house."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from typing import Final

from infra.errors import CannotStart
from infra.local.process import leashed

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
    process = await asyncio.create_subprocess_exec(
        *leashed(argv),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            out, err = await process.communicate()
    except TimeoutError:
        raise CannotStart(name, f"`{_shown(argv)}` did not end within {_WITHIN_S:g} s", advice=advice) from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        tail = "\n    ".join(err.decode(errors="replace").splitlines()[-_TAIL_LINES:])
        raise CannotStart(name, f"`{_shown(argv)}` failed ({process.returncode}):\n    {tail}", advice=advice)
    return out.decode()


def _shown(argv: tuple[str, ...]) -> str:
    own = headrace()
    return " ".join(("headrace", *argv[len(own) :]) if argv[: len(own)] == own else argv)
