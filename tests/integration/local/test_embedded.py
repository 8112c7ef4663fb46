"""What is written beside a stack's data, and what is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.processes.process import Command
from infra.local.stack.embedded import EmbeddedParts
from infra.settings import LocalSettings


def model_server(folder: Path) -> Command:
    def report(*_: object) -> None:
        pass

    return EmbeddedParts(replace(LocalSettings.from_env(), dir=folder), {"tgi": 1}).command(
        "tgi", folder / "tgi.log", {}, report
    )


def test_the_model_server_s_socket_lies_in_the_stack_s_folder_and_a_killed_one_s_goes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("s")
    left = folder / "tgi" / "headrace-abc" / "llama.sock"
    left.parent.mkdir(parents=True)
    left.touch()

    environment = model_server(folder).environment

    assert environment == {"TMPDIR": str(folder / "tgi")}
    assert list((folder / "tgi").iterdir()) == []


def test_where_the_path_is_too_long_for_a_socket_the_machine_s_own_folder_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)

    assert model_server(folder).environment == {}
