"""Which tests run side by side, and in which turn: whole files, what waits longest first.

No file of minutes is left for the end, alone. The files of a folder that ask for its running `service` go to one
worker, where it starts once for all of them and stops when they are done.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

ROOT = Path(__file__).parents[2]
# What begins with none of these comes last.
TURNS = ("tests/acceptance/", "tests/faults/", "tests/browser/", "tests/contracts/tgi/", "tests/integration/")
_ASKS_FOR_THE_SERVICE = re.compile(r"^(?:async )?def \w+\([^)]*\bservice: Whole\b", re.MULTILINE)
_HAS_ITS_OWN = re.compile(r"^def service\(", re.MULTILINE)


class Turns(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Hands units of work to xdist's workers in the order of `in_turn`."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        """As xdist makes it."""
        super().__init__(config, log)
        # It would put files of many tests first, and those are the quick ones.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit(super()._split_scope(nodeid))


@cache
def unit(path: str) -> str:
    """What one worker does as a whole: a file, or all files of a folder that share a running service."""
    source = (ROOT / path).read_text()
    shares = _ASKS_FOR_THE_SERVICE.search(source) and not _HAS_ITS_OWN.search(source)
    return f"{Path(path).parent}: the service" if shares else path


def in_turn(items: list[pytest.Item]) -> None:
    """Sort them so, in place."""
    items[:] = [items[each] for each in turns_of([item.nodeid.partition("::")[0] for item in items])]


def turns_of(paths: list[str]) -> list[int]:
    """Which of these tests, by their files, comes when; units are put together, and otherwise stay as they were."""
    units = {each: number for number, each in enumerate(dict.fromkeys(unit(path) for path in paths))}
    return sorted(range(len(paths)), key=lambda each: (_turn(paths[each]), units[unit(paths[each])]))


def _turn(path: str) -> int:
    return next((number for number, start in enumerate(TURNS) if path.startswith(start)), len(TURNS))
