"""Inputs of batches in any size, and whether what came out tells of each line once. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

import msgspec

ENDPOINT = "/v1/chat/completions"


def inputs(model: str, count: int, line_bytes: int, *, wrong: Set[int] = frozenset()) -> Iterator[bytes]:
    """So many lines of so many bytes each, or a few more; those whose numbers (from 1) are `wrong` are no JSON."""
    for number in range(1, count + 1):
        if number in wrong:
            yield b"{no json\n"
            continue
        asked = {"model": model, "messages": [{"role": "user", "content": f"Line {number}."}], "max_tokens": 4}
        line = {"custom_id": custom_id(number), "method": "POST", "url": ENDPOINT, "body": asked}
        missing = line_bytes - 1 - len(json.dumps(line))
        asked["messages"] = [{"role": "user", "content": f"Line {number}." + " and" * max(0, missing // 4)}]
        yield json.dumps(line).encode() + b"\n"


def custom_id(number: int) -> str:
    """The name of a line."""
    return f"line-{number:06}"


@dataclass(frozen=True)
class Told:
    """How often the lines of a batch stand in what came out of it."""

    once: int
    never: int
    again: int
    unknown: int

    @property
    def is_right(self) -> bool:
        """Whether each stands there once, and nothing else does."""
        return not (self.never or self.again or self.unknown)


class _Named(msgspec.Struct):
    custom_id: str


def told_once(count: int, *files: Iterable[bytes]) -> Told:
    """Look for each of so many lines in an output and an error file."""
    found = Counter(msgspec.json.decode(line, type=_Named).custom_id for file in files for line in file)
    asked = [found.pop(custom_id(number), 0) for number in range(1, count + 1)]
    once, never = asked.count(1), asked.count(0)
    return Told(once, never, count - once - never, found.total())
