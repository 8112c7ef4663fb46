"""Learning to start quickly: once, and never at the price of not starting."""

from pathlib import Path

import pytest

from infra.errors import CannotStart
from infra.local.disk.jars import silent
from infra.local.kafka.warmup import Trainee, warm_up

# Stands in for Java: formats by leaving a checkpoint, and fails at whatever its name says.
JAVA = """#!/bin/sh
here=$(dirname "$0")
echo called >> "$here/calls"
case "$*" in
*StorageTool*)
    if test -e "$here/no-format"; then echo "disk is full"; exit 1; fi
    mkdir "$here/data"
    : > "$here/data/bootstrap.checkpoint";;
*) echo "no training here"; exit 1;;
esac
"""


@pytest.fixture
def trainee(tmp_path: Path) -> Trainee:
    java = tmp_path / "java"
    java.write_text(JAVA)
    java.chmod(0o755)

    def write_properties(path: Path, data: Path) -> Path:
        data.parent.mkdir(exist_ok=True)
        data.symlink_to(tmp_path / "data")
        return path

    return Trainee((str(java),), write_properties, lambda: False)


def test_a_failed_training_costs_only_the_quick_start_and_is_not_repeated(tmp_path: Path, trainee: Trainee) -> None:
    lock = tmp_path / "lock"
    lock.write_text("jars")

    first = warm_up(tmp_path / "cache", lock, "cluster", trainee, silent)
    calls = (tmp_path / "calls").read_text()
    second = warm_up(tmp_path / "cache", lock, "cluster", trainee, silent)

    assert first == second
    assert first.checkpoint.exists()
    assert first.options == ()
    assert (tmp_path / "calls").read_text() == calls


def test_storage_that_cannot_be_formatted_is_said_and_leaves_nothing_half_made(
    tmp_path: Path, trainee: Trainee
) -> None:
    lock = tmp_path / "lock"
    lock.write_text("jars")
    (tmp_path / "no-format").touch()

    with pytest.raises(CannotStart, match="disk is full"):
        warm_up(tmp_path / "cache", lock, "cluster", trainee, silent)

    assert [path.name for path in (tmp_path / "cache" / "kafka").iterdir()] == [".lock"]
