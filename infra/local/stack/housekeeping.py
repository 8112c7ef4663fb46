"""What the supervisor of a stack looks after while it runs, so that nothing of it fills the disk.

Of the log only what every reader has read may go (log_room.py).
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from infra.local.disk.room import free_bytes, in_mb
from infra.local.stack.log_room import LogRoom
from infra.local.stack.supervisor import in_thread
from infra.settings import LocalSettings

_LOOK_EVERY_S: Final = 30.0

Say = Callable[[str], None]


async def keep_tidy(
    local: LocalSettings,
    logs: Sequence[Path],
    log: LogRoom | None,
    say: Say,
    *,
    look_every_s: float = _LOOK_EVERY_S,
) -> None:
    """Look after the folder of a stack until cancelled: its processes' logs, and the log if its broker is embedded.

    A round that fails is told of, and the next one is made all the same: without us nothing holds the disk back.
    """
    told = set[str]()
    while True:
        await asyncio.sleep(look_every_s)
        troubles: dict[str, str] = {}
        try:
            await _look_after(local, logs, log, troubles)
            told &= troubles.keys()
        except Exception as error:  # noqa: BLE001,RUF100 - whatever it is, the next round may find it mended
            troubles["failed"] = f"the disk of {local.dir.absolute()} cannot be looked after: {error!r}; still trying"
        for name, words in troubles.items():
            if name not in told:
                say(words)
        told |= troubles.keys()


async def _look_after(
    local: LocalSettings, logs: Sequence[Path], log: LogRoom | None, troubles: dict[str, str]
) -> None:
    """One round; what is wrong now is left in `troubles` by name, with what to say of it where it is new."""
    free = await in_thread(lambda: _tidy(local, logs))
    if free < local.min_free_bytes:
        where = local.dir.absolute()
        troubles["short"] = (
            f"the disk of {where} has only {in_mb(free)} free; when it is full, prompts are refused until it is not"
        )
    if log and (excess_bytes := await log.make()):
        troubles["large"] = (
            f"the log takes {in_mb(excess_bytes)} more than the {in_mb(log.max_bytes)} of "
            f"{local.variable('kafka_max_bytes')}; what somebody has still to read is kept all the same: "
            "`headrace topics lag` shows who"
        )


def _tidy(local: LocalSettings, logs: Sequence[Path]) -> int:
    cut_logs(logs, local.log_max_bytes)
    return free_bytes(local.dir)


def cut_logs(logs: Iterable[Path], max_bytes: int) -> None:
    """Put what is in a log that has grown too large aside, over what was put aside before.

    Its process goes on writing to the same file; a line that it writes at this very moment may be lost.
    """
    for path in logs:
        try:
            if path.stat().st_size > max_bytes:
                _put_aside(path, path.with_suffix(".log.1"))
        except OSError:
            # It is gone, or no longer ours to write: not worth a stack.
            continue


def _put_aside(path: Path, aside: Path) -> None:
    try:
        shutil.copyfile(path, aside)
    except OSError:
        # On a full disk the room counts for more than old lines.
        aside.unlink(missing_ok=True)
    os.truncate(path, 0)
