"""What every script in Lua keeps to."""

import re
from pathlib import Path

from tests.support.house import name_of, tracked

_DEFINED = re.compile(r"^local (?:function (\w+)|([A-Z]\w+) *=)", re.MULTILINE)
_COMMENT = re.compile(r"--.*")


def test_every_script_needs_the_parts_that_it_uses_and_no_others() -> None:
    wrong = {}
    for room in ("producers", "stream_workers/webhooks", "stream_workers/retraining"):
        scripts = {path.stem: path for path in tracked("producers/state/*.lua", f"{room}/*.lua")}
        for name, path in scripts.items():
            named, used = needed(path), uses(name, scripts)
            if named != used:
                wrong[name_of(path)] = f"needs {named}, uses {used}"

    assert wrong == {}


def needed(path: Path) -> list[str]:
    """The parts that a script names."""
    named = re.search(r"^-- needs: (.+)$", path.read_text(), re.MULTILINE)
    return named[1].split(", ") if named else []


def uses(name: str, scripts: dict[str, Path]) -> list[str]:
    """The parts whose functions or constants a script speaks of, by their names."""
    said = _COMMENT.sub("", scripts[name].read_text())
    own = defined(scripts[name])
    return sorted(
        part
        for part, path in scripts.items()
        if part not in (name, "common") and any(speaks_of(said, each) for each in defined(path) - own)
    )


def defined(path: Path) -> set[str]:
    """The functions and constants at the top of a script."""
    return {function or constant for function, constant in _DEFINED.findall(path.read_text())}


def speaks_of(said: str, name: str) -> bool:
    return re.search(rf"(?<![\w.:]){name}" + (r"\b" if name[0].isupper() else r"\("), said) is not None


def test_a_jobs_state_and_the_lists_that_follow_from_it_are_written_in_one_place() -> None:
    written = re.compile(
        r"'HSET', job\([^)]*\)(?:, [^\n]*)?, 'state'|'(?:ZADD|ZREM)', P \.\. '(?:accepting|finishing|deadlines)'"
        r"|'(?:SADD|SREM)', P \.\. '(?:waiting|inflight):|'lane:'.{0,20}:waiting"
    )
    writers = [name_of(path) for path in tracked("producers/*.lua") if written.search(path.read_text())]

    assert writers == ["producers/jobs/states.lua"]
