"""The named queries: one file a question, with a sentence on top that says what it answers.

A query reads no table: it reads `asked_answers`, `asked_events`, `asked_feedback` or `asked_embeddings`, which hold
only what was asked for (the tenant, the range, the filters), each thing once, with the `bucket` it falls into. The
files in `sources/` say how; so no query can forget whose rows it may show.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

_READS = re.compile(r"\basked_(\w+)")


@dataclass(frozen=True)
class Question:
    """A named query; `reads` are the sources it stands on."""

    name: str
    about: str
    sql: str
    reads: tuple[str, ...]


def questions() -> dict[str, Question]:
    """Every named query, by its name."""
    known = {name: bare(text) for name, text in files("sources").items()}
    return {name: question(name, text, known) for name, text in files("queries").items()}


def question(name: str, text: str, sources: dict[str, str]) -> Question:
    """The query of a file, with the sources it reads put before it.

    Raises:
        KeyError: it reads a source that is not there.
    """
    about = " ".join(line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--"))
    sql = bare(text)
    reads = tuple(dict.fromkeys(_READS.findall(sql)))
    given = ",\n".join(f"asked_{each} AS\n(\n{sources[each]}\n)" for each in reads)
    return Question(name, about, f"WITH {given}\n{sql}", reads)


def bare(text: str) -> str:
    """SQL without its comments."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def files(folder: str) -> dict[str, str]:
    """The SQL files of a folder of this room, by name."""
    found = resources.files("analytics") / folder
    files = sorted((each.name.removesuffix(".sql"), each) for each in found.iterdir() if each.name.endswith(".sql"))
    return {name: each.read_text() for name, each in files}


def plain(value: Any) -> Any:
    """A value of ClickHouse as JSON has it: times as unix seconds, no NaN."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
