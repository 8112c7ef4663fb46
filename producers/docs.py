"""The generated parts of the documents: tables of settings, topics and metrics, between markers, from the code.

`make docs` writes them anew, `make docs-check` fails where one is not as the code says. What stands outside the markers
is written by people and left alone.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.errors import OurFault
from infra.settings import Block, blocks
from infra.telemetry.metrics import Entry, catalogue
from producers.cli import event_names, kept
from producers.contracts import EXAMPLES, SCHEMAS
from producers.topics import TOPICS, Topic

DOCS: Final = Path("docs")


def settings_table() -> str:
    """Every setting by block: variable, default, meaning."""
    known = sorted(blocks(), key=lambda block: block.block)
    return "\n\n".join("\n".join(_block(each)) for each in known)


def topics_table() -> str:
    """Every topic: what is said on it, how it is keyed and kept, by whom it is written and read."""
    head = ("topic", "events", "key", "partitions", "kept", "written by", "read by", "schema")
    return "\n".join([_row(*head), _row(*("---" for _ in head)), *(_topic(each) for each in TOPICS)])


def metrics_table() -> str:
    """Every metric: its name as Prometheus has it, its labels, what it means and which processes feed it."""
    head = ("metric", "kind", "labels", "meaning", "fed by")
    return "\n".join([_row(*head), _row(*("---" for _ in head)), *(_metric(each) for each in catalogue())])


def stale(folder: Path) -> list[Path]:
    """Documents under `folder` whose generated part is not as the code says."""
    return [path for path, text in _written(folder) if path.read_text() != text]


def write(folder: Path) -> None:
    """Write the generated parts anew."""
    for path, text in _written(folder):
        path.write_text(text)


def _written(folder: Path) -> Iterator[tuple[Path, str]]:
    for name, part, table in (
        ("settings.md", "settings", settings_table()),
        ("contracts.md", "topics", topics_table()),
        ("metrics.md", "metrics", metrics_table()),
    ):
        path = folder / name
        yield path, replaced(path.read_text(), part, table)


def replaced(text: str, part: str, table: str) -> str:
    """The text with what stands between the markers of `part` replaced.

    Raises:
        OurFault: the markers are missing.
    """
    begin, end = f"<!-- {part}: written by `make docs` -->\n", f"<!-- {part}: end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise OurFault(f"the markers of {part} are missing: {begin.strip()} … {end}")
    return f"{before}{begin}\n{table}\n\n{end}{after}"


def _block(block: type[Block]) -> Iterator[str]:
    about = (block.__doc__ or "").splitlines()[0]
    yield f"### {block.block or 'common'}\n"
    yield f"{about}\n"
    yield _row("variable", "default", "meaning")
    yield _row("---", "---", "---")
    for each in block().shown():
        default = f"`{each.default_shown}`" if each.default_shown else "(empty)"
        secret = " (secret)" if each.secret else ""
        yield _row(f"`{each.name}`", default, f"{each.meaning}{secret}")


def _topic(topic: Topic) -> str:
    events = ", ".join(f"[`{each}`]({_to(EXAMPLES)}/{topic.name}/{each}.json)" for each in event_names(topic))
    schema = f"[v1]({_to(SCHEMAS)}/{topic.name}.v1.schema.json)"
    people = (", ".join(topic.written_by), ", ".join(topic.read_by))
    return _row(f"`{topic.name}`", events, topic.key, str(topic.partitions), kept(topic), *people, schema)


def _metric(entry: Entry[Any]) -> str:
    labels = ", ".join(f"`{each}`" for each in entry.labels)
    return _row(f"`{entry.shown_as}`", entry.kind.__name__.lower(), labels, entry.meaning, ", ".join(entry.fed_by))


def _to(folder: Path) -> str:
    return f"../{folder.parent.name}/{folder.name}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(each.replace('|', chr(92) + '|') for each in cells)} |"


def main(arguments: list[str]) -> int:
    """`python -m producers.docs [--check]`, from the project's folder; the exit code."""
    if "--check" not in arguments:
        write(DOCS)
        return 0
    found = stale(DOCS)
    for path in found:
        sys.stderr.write(f"{path} is not as the code says: run `make docs`\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
