"""Every command with all beneath it, loaded: for the documents and for the house's own tests."""

from collections.abc import Iterator
from importlib.metadata import entry_points

import click


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and group, by the words to type after `headrace`."""
    for each in sorted(entry_points(group="headrace.commands"), key=lambda entry: entry.name):
        yield from _beneath(each.name, each.load())


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Those that do something: all that are no groups."""
    return ((words, command) for words, command in all_commands() if not isinstance(command, click.Group))


def sentence(command: click.Command) -> str:
    """The first sentence of a command's help, on one line."""
    return " ".join((command.help or "").partition("\n")[0].split())


def json_help(command: click.Command) -> str:
    """What a command says of its `--json`; empty where it has none."""
    found = (each for each in command.params if isinstance(each, click.Option) and "--json" in each.opts)
    return next((each.help or "" for each in found), "")


def examples(command: click.Command) -> str:
    """Where a command's help shows how it is typed."""
    return f"{command.help or ''}\n{command.epilog or ''}"


def _beneath(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _beneath(f"{words} {name}", inner)
