"""`headrace status`, `stop` and `reset` where nothing runs, or something else, and where nobody can be asked."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.stack.checkout import Checkout
from tests.support.command import headrace
from tests.support.holding import holding


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose stack has data and does not run."""
    stack = tmp_path / ".headrace"
    (stack / "kafka").mkdir(parents=True)
    (stack / "kafka" / "log").write_bytes(b"x" * 100_000)
    Checkout(stack).mark()
    Checkout(stack).ports(["kafka"])
    (stack / "lock").write_text(f"{os.getppid()}\n")
    return tmp_path


def test_where_nothing_runs_status_says_so_and_how_big_the_data_are(folder: Path) -> None:
    done = headrace("status", "--json", folder=folder)
    shown = headrace("status", folder=folder)

    told = json.loads(done.stdout)
    assert (done.returncode, shown.returncode) == (3, 3)
    assert (told["state"], told["supervisor"], told["processes"]) == ("stopped", None, [])
    assert told["folder"] == str(folder / ".headrace")
    assert 100_000 <= told["data_bytes"]["kafka"] < 120_000
    assert "not running" in shown.stdout
    assert "kafka 10" in shown.stdout


def test_where_there_never_was_a_stack_status_makes_none(tmp_path: Path) -> None:
    assert headrace("status", folder=tmp_path).returncode == 3
    assert list(tmp_path.iterdir()) == []


def test_a_stack_that_starts_is_not_ready(folder: Path) -> None:
    with holding(folder / ".headrace" / "lock") as other:
        done = headrace("status", "--json", folder=folder)
        asked = headrace("env", folder=folder)

    told = json.loads(done.stdout)
    assert (done.returncode, told["state"], told["supervisor"]) == (1, "starting", other.pid)
    assert (asked.returncode, "is not up yet" in asked.stderr) == (3, True)


def test_what_a_killed_stack_said_is_not_taken_for_the_next_ones(folder: Path) -> None:
    stack = folder / ".headrace"
    (stack / "stack.json").write_text(json.dumps({"gateway_url": "http://127.0.0.1:1", "supervisor": os.getpid()}))

    # It comes as far as to the lock, and then ends of a disk that is too full for it.
    started = headrace("up", folder=folder, HEADRACE_LOCAL__MIN_FREE_BYTES=str(10**15))

    assert (started.returncode, "free" in started.stderr) == (3, True), started.stderr
    assert not (stack / "stack.json").exists()
    assert stat.S_IMODE((stack / "lock").stat().st_mode) == 0o600


def test_a_folder_in_which_nothing_can_be_written_is_told_as_such(folder: Path) -> None:
    started = headrace("up", folder=folder, HEADRACE_LOCAL__DIR=".headrace/kafka/log/x")

    assert started.returncode == 2
    assert started.stderr.startswith(f"headrace: nothing can be written to {folder}/.headrace/kafka/log/x (Not a dir")
    assert len(started.stderr.splitlines()) == 1


def test_stop_ends_the_holder_of_the_folder_and_twice_is_once(folder: Path) -> None:
    with holding(folder / ".headrace" / "lock") as other:
        done = headrace("stop", "--json", folder=folder)
        assert other.wait(45) == 0

    again = headrace("stop", "--json", folder=folder)
    assert (done.returncode, again.returncode) == (0, 0)
    assert json.loads(done.stdout)["supervisor"] == other.pid
    assert not json.loads(again.stdout)["stopped"]


def test_stop_ends_no_process_whose_number_a_dead_stack_left(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        (folder / ".headrace" / "lock").write_text(f"{innocent.pid}\n")

        done = headrace("stop", folder=folder)

        assert "nothing runs" in done.stdout
        assert innocent.poll() is None
        innocent.kill()


def test_a_stack_that_does_not_end_is_told_of_with_what_ends_it(folder: Path) -> None:
    with holding(folder / ".headrace" / "lock", deaf=True) as other:
        done = headrace("stop", "--timeout", "0.3", folder=folder)

        assert done.returncode == 1
        assert f"kill -9 {other.pid}" in done.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nan", "not a finite number"),
        ("inf", "not a finite number"),
        ("-1", "-1 is not above 0"),
        ("soon", "no number"),
    ],
)
def test_a_patience_that_is_none_is_wrong_usage(given: str, told: str, tmp_path: Path) -> None:
    done = headrace("stop", "--timeout", given, folder=tmp_path)

    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_reset_without_a_terminal_wants_yes(folder: Path) -> None:
    done = headrace("reset", folder=folder)

    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert (folder / ".headrace" / "kafka").exists()


def test_reset_stops_what_runs_and_deletes_the_data(folder: Path) -> None:
    with holding(folder / ".headrace" / "lock") as other:
        done = headrace("reset", "--yes", "--json", folder=folder)
        assert other.wait(45) == 0

    told = json.loads(done.stdout)
    again = headrace("reset", "--yes", folder=folder)
    assert (told["deleted"], told["stopped"], told["left"]) == (True, True, [])
    assert told["freed_bytes"] > 100_000
    assert list(folder.iterdir()) == []
    assert (again.returncode, "nothing to delete" in again.stdout) == (0, True)


@pytest.mark.parametrize("home", ["", ".headrace/kafka"])
def test_reset_deletes_neither_a_home_nor_where_we_are(home: str, folder: Path) -> None:
    stack = folder / ".headrace"
    here = stack if not home else folder

    done = headrace("reset", "--yes", folder=here, HOME=str(folder / home), HEADRACE_LOCAL__DIR=str(stack))

    assert done.returncode == 2
    assert "nothing is deleted" in done.stderr
    assert (stack / "kafka" / "log").exists()


def asked(answer: str, folder: Path) -> str:
    """What `reset` shows on a terminal where somebody types that."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "reset"], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    try:
        while some := os.read(ours, 4096):
            shown += some
    except OSError:
        pass  # so Linux says that the last holder is gone
    finally:
        os.close(ours)
        process.wait(45)
    return shown.decode()


def test_reset_asks_with_what_it_would_delete_and_takes_no_for_an_answer(folder: Path) -> None:
    assert "This deletes" in asked("n\n", folder)
    assert (folder / ".headrace" / "kafka" / "log").exists()

    told = asked("y\n", folder)
    assert "kafka 10" in told
    assert not (folder / ".headrace").exists()
