"""What a body may ask of those who read it, weighed before they do: a count of things, never a time. Pure.

Whoever reads a body holds up all others on his loop. So what costs more than its bytes has a bound of its own, for all
schemas of one body together.
"""

from collections.abc import Iterable, Sized
from typing import Any, Final

import msgspec

from infra.errors import WrongField
from producers.prompts.followed import Part, all_parts

MOST_MESSAGES: Final = 2048
MOST_BYTES: Final = 128 * 1024
MOST_PARTS: Final = 2048
LONGEST_PATTERN: Final = 1024
MOST_PATTERN_CHARACTERS: Final = 4 * 1024


def refuse_too_many(where: str, given: Sized | None, most: int) -> None:
    """Let a list pass that is not too long, before anybody goes through it.

    Raises:
        WrongField: `where`.
    """
    if given is not None and len(given) > most:
        raise WrongField(f"{where} holds {len(given)}; {most} is the most.", where)


def refuse_too_large(schemas: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Let the schemas of a body pass, each with where it stands, that together are not too large.

    Raises:
        WrongField: where it becomes too much.
    """
    size_bytes = count = characters = 0
    for where, schema in schemas:
        size_bytes += len(msgspec.json.encode(schema))
        if size_bytes > MOST_BYTES:
            raise WrongField(f"{where}: the schemas of a body may have {MOST_BYTES} bytes together.", where)
        for part in all_parts(where, schema):
            count += 1
            if count > MOST_PARTS:
                raise WrongField(f"{where}: the schemas of a body may have {MOST_PARTS} parts together.", where)
            characters += _characters(part, where)
            if characters > MOST_PATTERN_CHARACTERS:
                most = f"{MOST_PATTERN_CHARACTERS} characters together"
                raise WrongField(f"{part.path}.pattern: the patterns of a body may have {most}.", where)


def _characters(part: Part, where: str) -> int:
    """Those of its pattern."""
    pattern = part.node.get("pattern")
    if not isinstance(pattern, str):
        return 0
    if len(pattern) > LONGEST_PATTERN:
        raise WrongField(f"{part.path}.pattern may have {LONGEST_PATTERN} characters.", where)
    return len(pattern)
