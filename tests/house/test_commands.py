"""Every command loads and has help worth reading."""

import re
import subprocess
from importlib.metadata import entry_points

import click
import pytest

from infra import commands
from infra.cli import headrace
from infra.command_line import Group
from tests.support.house import ROOT

COMMANDS = sorted(entry_points(group="headrace.commands"), key=lambda each: each.name)
PROCESSES = ("gateway", "worker", "fanout", "deliver", "retrain", "ingest", "reports")


# They run until they are stopped; what they have to say is in their logs. (`up` tells once where everything is.)
LONG_RUNNING = {*PROCESSES, "tgi", "clickhouse", "receiver"}

ALL = [pytest.param(command, id=words) for words, command in commands.all_commands()]
LEAVES = [pytest.param(words, command, id=words) for words, command in commands.leaves()]


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


def test_whatever_prints_something_prints_json_too_and_what_runs_on_does_not_claim_to() -> None:
    without = {words for words, command in commands.leaves() if not commands.json_help(command)}

    assert without == LONG_RUNNING


@pytest.mark.parametrize(("words", "command"), LEAVES)
def test_a_command_says_what_it_prints_as_json(words: str, command: click.Command) -> None:
    told = commands.json_help(command)

    assert words in LONG_RUNNING or re.match(r"Print .*(object|array).*\.$", told), told


@pytest.mark.parametrize(("words", "command"), LEAVES)
def test_the_help_of_a_command_shows_how_it_is_typed(words: str, command: click.Command) -> None:
    shown = [each for each in commands.examples(command).splitlines() if f"headrace {words}" in each]

    assert shown, f"show an example of `headrace {words}`"


def test_every_group_knows_the_nearest_command() -> None:
    groups = [command for _, command in commands.all_commands() if isinstance(command, click.Group)]

    assert groups
    assert [each.name for each in groups if not isinstance(each, Group)] == []


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
