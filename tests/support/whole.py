"""The whole service as a user runs it: `headrace up` in an empty folder, over the timed model server."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_servers import ModelServer, model_server

START_S = 180.0
STOP_S = 40.0
_LAST_WORDS = 3000


@dataclass
class Whole:
    """A running service; `stack` is what it says of itself just now."""

    folder: Path
    process: subprocess.Popen[bytes]
    model: ModelServer

    @property
    def stack(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / ".headrace" / "stack.json").read_text())
        return found

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.stack['api_key']}"}

    def kill(self, name: str) -> None:
        """SIGKILL one process; the supervisor starts it again."""
        os.kill(self.stack["processes"][name], signal.SIGKILL)

    @property
    def last_words(self) -> str:
        """The ends of all its processes' logs, which say why a test of it failed."""
        logs = sorted((self.folder / ".headrace" / "logs").glob("*.log"))
        return "\n".join(f"{each.stem}:\n{each.read_text(errors='replace')[-_LAST_WORDS:]}" for each in logs)

    def log(self) -> str:
        """What the supervisor said, for a test that failed."""
        return (self.folder / "up.log").read_text()


@contextmanager
def whole(folder: Path, **settings: str) -> Iterator[Whole]:
    """Start everything, and stop it again in order."""
    with model_server("--timed") as model:
        environment = {
            **os.environ,
            "HEADRACE_TGI__URL": model.url,
            "HEADRACE_WEBHOOKS__ALLOW_LOOPBACK": "1",
            **settings,
        }
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "infra.cli", "up", "--no-prompts"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_up(folder, process)
            yield Whole(folder, process, model)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _wait_until_up(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_S
    while not (folder / ".headrace" / "stack.json").exists():
        said = (folder / "up.log").read_text()
        assert process.poll() is None, f"`headrace up` ended:\n{said}"
        assert time.monotonic() < deadline_s, f"`headrace up` was not ready within {START_S} s:\n{said}"
        time.sleep(0.1)


@pytest.fixture(scope="package")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """`headrace up` over the timed model server, for the tests of one folder; idle, it takes a fifth of a core."""
    with whole(tmp_path_factory.mktemp("whole")) as running:
        yield running


@pytest.fixture
def service(running_service: Whole) -> Iterator[Whole]:
    """The service with a model server that does what it should."""
    running_service.model.reset()
    yield running_service
    running_service.model.reset()
