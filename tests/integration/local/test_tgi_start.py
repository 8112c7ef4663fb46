"""`headrace tgi` says in one line why it cannot start."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest


def start(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.cli", "tgi", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = start("--timed", f"--port={port}")
    assert ended.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert ended.stdout == ""


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_text("not a model")
    ended = start("--port=0", f"--model-file={tmp_path / 'no.gguf'}")
    assert ended.returncode == 3
    assert "llama.cpp cannot load" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("wrong", ["--max-input-tokens=4000", "--max-input-tokens=0", "--max-best-of=0"])
def test_limits_that_contradict_one_another_are_named(wrong: str) -> None:
    ended = start("--timed", "--port=0", wrong)
    assert ended.returncode == 2
    assert wrong.partition("=")[0] in ended.stderr
