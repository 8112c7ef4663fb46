"""`headrace gateway`: where it looks for its parts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import gateway
from infra.errors import Unavailable


def test_without_an_address_it_looks_for_the_stack_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".headrace").mkdir()
    (tmp_path / ".headrace" / "stack.json").write_text('{"redis": "redis://127.0.0.1:1", "supervisor": 1}')

    told = CliRunner().invoke(gateway, ["--port", "0"]).exception

    assert isinstance(told, Unavailable)
    assert "the stack of this folder is not running" in str(told)
