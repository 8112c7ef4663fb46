"""The generated parts of the documents: tables of settings, topics and metrics, between markers, from the code.

`make docs` writes them anew, `make docs-check` fails where one is not as the code says. What stands outside the markers
is written by people and left alone.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from infra import commands
from infra.cli import EXIT_CODES
from infra.errors import OurFault
from infra.settings import Block, blocks, key_of
from infra.settings.sources import CONFIG
from infra.telemetry.metrics import Entry, catalogue
from producers.administration.topics_cli import event_names, kept
from producers.contracts import EXAMPLES, SCHEMAS
from producers.log.topics import TOPICS, Topic

DOCS: Final = Path("docs")
EXAMPLE: Final = Path("infra/deploy/headrace.toml")
_EXAMPLE_HEAD: Final = """\
# Every setting of Headrace, each with its default, as `HEADRACE_CONFIG=/etc/headrace.toml` would read it: take the #
# before what you change. What the environment says counts before this file. A name with _file after it means what
# stands in that file: `secret_key_file = "/run/secrets/headrace"`. Written by `make docs`.
"""


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


def commands_table() -> str:
    """Every command: what it does, and what it prints with `--json`."""
    rows = [_row("command", "what it does", "with `--json`"), _row("---", "---", "---")]
    for words, command in commands.leaves():
        told = commands.json_help(command) or "none: it runs until it is stopped"
        rows.append(_row(f"`headrace {words}`", commands.sentence(command), told))
    return "\n".join(rows)


def exit_codes_table() -> str:
    """Every exit code and what it means."""
    codes = (_row(str(code), meaning) for code, meaning in EXIT_CODES.items())
    return "\n".join([_row("exit code", "meaning"), _row("---", "---"), *codes])


def example_file() -> str:
    """Every setting as a TOML file that changes nothing: all of it is commented out."""
    known = sorted(blocks(), key=lambda block: block.block)
    return "\n".join([_EXAMPLE_HEAD, *("\n".join(_toml(each)) for each in known)])


def stale(folder: Path, example: Path | None = None) -> list[Path]:
    """Documents under `folder` whose generated part is not as the code says, and the example file."""
    return [path for path, text in _written(folder, example) if path.read_text() != text]


def write(folder: Path, example: Path | None = None) -> None:
    """Write the generated parts anew."""
    for path, text in _written(folder, example):
        path.write_text(text)


def _written(folder: Path, example: Path | None) -> Iterator[tuple[Path, str]]:
    if example is not None:
        yield example, example_file()
    for name, part, table in (
        ("settings.md", "settings", settings_table()),
        ("contracts.md", "topics", topics_table()),
        ("metrics.md", "metrics", metrics_table()),
        ("cli.md", "commands", commands_table()),
        ("cli.md", "exit codes", exit_codes_table()),
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
    yield _row("variable", "in the file", "default", "meaning")
    yield _row("---", "---", "---", "---")
    for each in block().shown():
        default = f"`{each.default_shown}`" if each.default_shown else "(empty)"
        secret = " (secret)" if each.secret else ""
        in_the_file = "" if each.name == CONFIG else f"`{key_of(each.name)}`"
        yield _row(f"`{each.name}`", in_the_file, default, f"{each.meaning}{secret}")


def _toml(block: type[Block]) -> Iterator[str]:
    yield f"# {(block.__doc__ or '').splitlines()[0]}"
    if block.block:
        yield f"[{block.block}]"
    for each in block().shown():
        if each.name != CONFIG:
            yield f"# {each.meaning}"
            yield f"#{key_of(each.name).rpartition('.')[2]} = {_toml_value(each.default)}"
    yield ""


def _toml_value(value: Any) -> str:
    match value:
        case bool() | int() | float():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(_toml_value, value))}]"
        case _:
            # A JSON string is a TOML string.
            return msgspec.json.encode("" if value is None else str(value)).decode()


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
        write(DOCS, EXAMPLE)
        return 0
    found = stale(DOCS, EXAMPLE)
    for path in found:
        sys.stderr.write(f"{path} is not as the code says: run `make docs`\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
