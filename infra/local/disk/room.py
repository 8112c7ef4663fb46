"""How much room the embedded parts take, how much they may take, and whether there is enough to start."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.errors import CannotStart
from infra.local.disk import footprint
from infra.settings import LocalSettings

_ADVICE: Final = (
    "make room, name another folder by HEADRACE_LOCAL__DIR (for downloads: HEADRACE_LOCAL__CACHE_DIR), or say by "
    "HEADRACE_LOCAL__MIN_FREE_BYTES how much must be free"
)


@dataclass(frozen=True)
class Room:
    """What one thing takes on disk, and the most it may; 0: nothing of ours holds it back."""

    name: str
    folder: Path
    taken_bytes: int
    limit_bytes: int = 0


def taken(local: LocalSettings) -> list[Room]:
    """What the data of the stack of this folder take, part by part, and the downloads that all stacks share."""
    sizes = footprint.sizes(local.dir)
    limits = {"kafka": local.kafka_max_bytes}
    data = [Room(name, local.dir / name, sizes[name], limits.get(name, 0)) for name in footprint.PARTS]
    cache = local.downloads
    return [*data, Room("downloads", cache, sum(footprint.sizes(cache).values()))]


def free_bytes(folder: Path) -> int:
    """Room left on the disk of a folder, which need not be there yet."""
    folder = folder.absolute()
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


def refuse_full_disk(local: LocalSettings) -> None:
    """See that there is room for what a first start writes, and for the work after it.

    Raises:
        CannotStart: there is not; nothing has been written yet.
    """
    for folder in (local.dir, local.downloads):
        if (free := free_bytes(folder)) < local.min_free_bytes:
            where, least = folder.absolute(), local.min_free_bytes
            raise CannotStart(
                "the stack", f"the disk of {where} has {in_mb(free)} free, less than {in_mb(least)}", advice=_ADVICE
            )


def in_mb(size_bytes: int) -> str:
    """A size for a person."""
    return f"{size_bytes / 1_000_000:,.0f} MB"
