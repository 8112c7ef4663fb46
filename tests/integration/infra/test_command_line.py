"""What every command shares, as a person or a script meets it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import cli
from infra.cli import exit_code, summary, wants_json
from infra.errors import CannotStart, InvalidEvent, OurFault, Unavailable, WrongSetting
from tests.house.test_commands import COMMANDS
from tests.support.command import headrace
from tests.support.up import HEADRACE

# Too much for a list of commands: each of these alone takes longer to import than it takes to print it.
HEAVY = ("aiohttp", "kafka", "redis", "faust", "rich", "msgspec", "clickhouse_driver", "asyncio")


@pytest.mark.parametrize(
    ("typed", "meant"), [("doctr", "doctor"), ("topic", "topics"), ("wroker", "worker"), ("keys lst", "list")]
)
def test_an_unknown_command_is_wrong_usage_and_the_nearest_is_named(typed: str, meant: str, tmp_path: Path) -> None:
    done = headrace(*typed.split(), folder=tmp_path)

    assert done.returncode == 2
    assert f"did you mean {meant}" in done.stderr


def test_nothing_near_is_not_guessed(tmp_path: Path) -> None:
    assert "did you mean" not in headrace("xyzzy", folder=tmp_path).stderr


def test_help_imports_no_room_and_no_client(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom infra import cli\nsys.argv = ['headrace', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"
    assert all(each.name in done.stdout for each in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name)
def test_the_sentence_in_the_list_is_the_first_of_the_commands_help(command: object) -> None:
    told = summary(command)  # type: ignore[arg-type]

    assert told
    assert " ".join((command.load().help or "").split()).startswith(told)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WrongSetting("x"), 2),
        (Unavailable("kafka"), 3),
        (CannotStart("kafka", "x", advice="y"), 3),
        (InvalidEvent("x"), 1),
        (OurFault("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code  # type: ignore[arg-type]
    assert code in cli.EXIT_CODES


@pytest.mark.parametrize(
    ("typed", "code", "kind"),
    [("keys list", 3, "unreachable"), ("submit --bad x", 2, "wrong_usage"), ("keys lst", 2, "wrong_usage")],
)
def test_with_json_an_error_is_one_object_on_standard_error(typed: str, code: int, kind: str, tmp_path: Path) -> None:
    done = headrace(*typed.split(), "--json", folder=tmp_path)

    told = json.loads(done.stderr)
    assert done.stdout == ""
    assert (done.returncode, told["exit_code"], told["kind"]) == (code, code, kind)
    assert told["error"]


def test_json_after_two_dashes_is_no_option() -> None:
    assert wants_json(["submit", "--json"])
    assert not wants_json(["submit", "--", "--json"])


@pytest.mark.parametrize("typed", [("topics", "list", "--json"), ("completion", "bash"), ("doctor", "--all")])
def test_output_that_nobody_reads_is_no_failure(typed: tuple[str, ...], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run([*HEADRACE, *typed], cwd=tmp_path, stdout=closed, stderr=subprocess.PIPE, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_colours_are_off_in_a_pipe_and_can_be_forced_and_forbidden(tmp_path: Path) -> None:
    piped = headrace("keys", "list", folder=tmp_path)
    forced = headrace("doctor", folder=tmp_path, FORCE_COLOR="1")
    forbidden = headrace("doctor", folder=tmp_path, FORCE_COLOR="1", NO_COLOR="1")

    assert "\x1b" not in piped.stdout + piped.stderr
    assert "\x1b[31m" in forced.stdout
    assert "\x1b[31m" not in forbidden.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_one_that_its_shell_can_read(shell: str, tmp_path: Path) -> None:
    done = headrace("completion", shell, folder=tmp_path)

    assert done.returncode == 0
    assert "_HEADRACE_COMPLETE" in done.stdout
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=done.stdout, text=True, check=True)


def completed(line: str, folder: Path) -> list[str]:
    words = line.split(" ")
    told = headrace(
        folder=folder,
        _HEADRACE_COMPLETE="bash_complete",
        COMP_WORDS=line,
        COMP_CWORD=str(len(words) - 1),
        PATH=os.environ["PATH"],
    )
    return [each.partition(",")[2] for each in told.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("headrace to", ["topics", "tour"]),
        ("headrace topics ch", ["check"]),
        ("headrace submit --str", ["--stream"]),
        ("headrace submit --lane ba", ["batch"]),
        ("headrace completion z", ["zsh"]),
        ("headrace tail ans", ["answers"]),
        ("headrace tail --type Buri", ["Buried"]),
        ("headrace job sh", ["show"]),
    ],
)
def test_a_shell_completes_commands_options_and_values(line: str, found: list[str], tmp_path: Path) -> None:
    assert completed(line, tmp_path) == found
