"""Every command loads and has help worth reading."""

import subprocess
from collections.abc import Iterator
from importlib.metadata import entry_points

import click
import pytest

from infra.cli import headrace
from tests.support.house import ROOT

COMMANDS = sorted(entry_points(group="headrace.commands"), key=lambda each: each.name)
PROCESSES = ("gateway", "worker", "fanout", "deliver", "retrain", "ingest", "reports")


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and its subcommands, by the words to type."""
    for each in COMMANDS:
        yield from beneath(each.name, each.load())


def beneath(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from beneath(f"{words} {name}", inner)


ALL = [pytest.param(command, id=words) for words, command in all_commands()]


@pytest.mark.parametrize("command", ALL)
def test_a_command_has_help_worth_reading(command: click.Command) -> None:
    assert isinstance(command, click.Command)
    text = command.help or ""
    first = text.partition("\n")[0]
    assert first.rstrip().endswith((".", ":")), f"its first line is no sentence: {first!r}"
    assert len(first) > 15


@pytest.mark.parametrize("command", ALL)
def test_every_option_has_help(command: click.Command) -> None:
    unexplained = [each.name for each in command.params if isinstance(each, click.Option) and not each.help]

    assert unexplained == []


@pytest.mark.parametrize("command", ALL)
def test_help_is_printed_whole(command: click.Command) -> None:
    with click.Context(command, info_name=command.name) as context:
        assert command.name
        assert command.get_help(context)


def test_every_process_of_the_design_is_a_command() -> None:
    names = {each.name for each in COMMANDS}

    assert names >= {*PROCESSES, "up", "demo", "topics", "migrate", "keys", "submit", "doctor", "tgi"}


def test_the_command_line_lists_them_all() -> None:
    with click.Context(headrace) as context:
        assert headrace.list_commands(context) == [each.name for each in COMMANDS]


def test_a_first_start_says_in_one_line_what_it_installs_and_leaves_pip_only_its_errors() -> None:
    told = subprocess.run(["make", "-nB", "install"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = told.stdout.splitlines()

    assert sum(line.startswith("echo") for line in lines) == 1
    assert all(" -qq " in line for line in lines if "pip install" in line)
