"""How big the data of a stack are on disk."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 512
PARTS: Final = ("kafka", "redis", "clickhouse", "files", "logs")


def sizes(folder: Path) -> dict[str, int]:
    """Bytes that each part takes there, and all that is beside them; links are not followed."""
    found = dict.fromkeys(PARTS, 0) | {"other": 0}
    seen: set[tuple[int, int]] = set()
    for entry in _entries(folder):
        name = entry.name if entry.name in PARTS else "other"
        found[name] += sum(_bytes(each, seen) for each in (entry, *_beneath(entry)))
    return found


def _beneath(entry: os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    if entry.is_dir(follow_symlinks=False):
        for inner in _entries(Path(entry.path)):
            yield inner
            yield from _beneath(inner)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        # A running stack removes files while we look.
        return []


def _bytes(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> int:
    try:
        stat = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    # ClickHouse gives one file several names.
    if stat.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
        if (stat.st_dev, stat.st_ino) in seen:
            return 0
        seen.add((stat.st_dev, stat.st_ino))
    return stat.st_blocks * _BLOCK_BYTES
