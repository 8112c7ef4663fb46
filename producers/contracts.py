"""The contracts as JSON Schemas: written from the event classes, one a topic, and compared with those checked in.

`make schemas` writes them, `make schemas-check` fails where one is not as the classes say. The golden examples beside
them are written by hand: they stand for the records of earlier releases, which must decode for as long as one may be in
a topic.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from producers.log.topics import TOPICS, Topic

HERE: Final = Path(__file__).parent
SCHEMAS: Final = HERE / "schemas"
EXAMPLES: Final = HERE / "examples"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_path(topic: Topic) -> Path:
    """Where a topic's schema lies."""
    return SCHEMAS / f"{topic.name}.v1.schema.json"


def schema_text(topic: Topic) -> str:
    """A topic's schema, written out."""
    schema = {"$schema": _DIALECT, "title": topic.name, **msgspec.json.schema(topic.events)}
    return json.dumps(schema, indent=2) + "\n"


def examples(topic: Topic) -> Iterator[Path]:
    """The golden examples of a topic, by name."""
    return iter(sorted((EXAMPLES / topic.name).glob("*.json")))


def stale() -> list[Path]:
    """Schemas that are missing, not as the classes say, or of no topic."""
    wanted = {schema_path(each): schema_text(each) for each in TOPICS}
    surplus = [each for each in sorted(SCHEMAS.glob("*.json")) if each not in wanted]
    return [path for path, text in wanted.items() if not path.exists() or path.read_text() != text] + surplus


def write() -> None:
    """Write every schema anew and remove those of no topic."""
    SCHEMAS.mkdir(exist_ok=True)
    for path in stale():
        path.unlink(missing_ok=True)
    for each in TOPICS:
        schema_path(each).write_text(schema_text(each))


def main(arguments: list[str]) -> int:
    """`python -m producers.contracts [--check]`; the exit code."""
    if "--check" not in arguments:
        write()
        return 0
    for path in stale():
        sys.stderr.write(f"{path.relative_to(HERE.parent)} is not as the event classes say: run `make schemas`\n")
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
