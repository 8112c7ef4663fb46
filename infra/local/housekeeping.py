"""What the supervisor of a stack looks after while it runs, so that nothing of it fills the disk.

Of the log, Kafka itself drops the oldest records of a partition that has grown too large (kafka.py), but not where one
that nobody has done yet might go. What is done with there, its own room knows, and drops (setup.cfg: headrace.chores).
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.local import footprint
from infra.local.room import free_bytes, in_mb
from infra.local.supervisor import in_thread
from infra.settings import KafkaSettings, LocalSettings

_LOOK_EVERY_S: Final = 30.0

Say = Callable[[str], None]


async def keep_tidy(
    local: LocalSettings,
    logs: Sequence[Path],
    log: KafkaSettings | None,
    say: Say,
    *,
    look_every_s: float = _LOOK_EVERY_S,
) -> None:
    """Look after the folder of a stack until cancelled: the logs of its processes; `log` is its broker, if embedded."""
    short = False
    while True:
        await asyncio.sleep(look_every_s)
        free = await in_thread(lambda: _tidy(local, logs, log))
        if (now_short := free < local.min_free_bytes) and not short:
            where = local.dir.absolute()
            say(
                f"the disk of {where} has only {in_mb(free)} free; when it is full, prompts are refused until it is not"
            )
        short = now_short


def _tidy(local: LocalSettings, logs: Sequence[Path], log: KafkaSettings | None) -> int:
    cut_logs(logs, local.log_max_bytes)
    if log is not None and footprint.sizes(local.dir)["kafka"] > local.kafka_max_bytes:
        try:
            drop_what_is_done(log)
        except (KafkaError, Unavailable):
            # The broker is away for a moment; in half a minute we look again.
            pass
    return free_bytes(local.dir)


def drop_what_is_done(log: KafkaSettings) -> None:
    """Let each room drop from the log what it is done with.

    Raises:
        KafkaError: the broker does not do it.
        Unavailable: it does not answer.
    """
    for chore in entry_points(group="headrace.chores"):
        chore.load()(log)


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
