"""The model server as a child process: timed (by the clock, faults to order) or embedded (the real small model)."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from infra.local.tgi.timed.knobs import FaultKind

START_S = 120.0


@dataclass(frozen=True)
class ModelServer:
    """A running server, and the hand on its knobs (the timed one only)."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def turn(self, **knobs: float) -> None:
        """Behave so from now on: first_token_ms, token_ms, answer_tokens, slots, cut_rate, …"""
        self.call("PUT", "/timed/knobs", knobs)

    def order(self, kind: FaultKind, *, after_tokens: int = 0, times: int = 1, contains: str = "") -> None:
        """Let it go wrong for the next `times` generations whose prompt contains the text."""
        self.call(
            "POST",
            "/timed/faults",
            [{"kind": kind, "after_tokens": after_tokens, "times": times, "contains": contains}],
        )

    def say(self, text: str, *, contains: str) -> None:
        """Let it answer the next prompt that contains this with that text."""
        self.call("POST", "/timed/faults", [{"kind": "say", "times": 1, "contains": contains, "text": text}])

    def release(self, contains: str = "") -> int:
        """Let held generations go on; how many there were."""
        released: int = self.call("POST", f"/timed/release?contains={quote(contains)}", {})["released"]
        return released

    def generations(self, contains: str = "") -> list[dict[str, Any]]:
        """What was asked for: number, inputs, max_new_tokens, tokens made, state."""
        seen: list[dict[str, Any]] = self.call("GET", f"/timed/generations?contains={quote(contains)}")
        return seen

    def reset(self) -> None:
        """As if just started."""
        self.call("POST", "/timed/reset", {})

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=45) as reply:
            text: str = reply.read().decode()
        return text

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One JSON call."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=45) as reply:
            return json.load(reply)


@contextmanager
def model_server(*options: str) -> Iterator[ModelServer]:
    """`headrace tgi` with these options on a free port, ready, and stopped again."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", "infra.cli", "tgi", "--port", "0", "--port-file", str(port_file), *options]
        process = subprocess.Popen(command)
        try:
            yield ModelServer(_ready(process, port_file), process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[bytes], port_file: Path) -> int:
    """The port, once `/health` says 200."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise RuntimeError(f"the model server ended with {process.returncode} before it was ready")
        if port_file.exists() and _healthy(int(port_file.read_text())):
            return int(port_file.read_text())
        time.sleep(0.02)
    raise RuntimeError(f"the model server was not ready after {START_S} s")


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="module")
def timed_tgi() -> Iterator[ModelServer]:
    """The timed server, one a module; `reset()` it where a test turned knobs."""
    with model_server("--timed", "--embeddings") as server:
        yield server


@pytest.fixture(scope="module")
def embedded_tgi() -> Iterator[ModelServer]:
    """The real small model, one a module."""
    with model_server() as server:
        yield server
