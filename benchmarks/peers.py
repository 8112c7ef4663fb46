"""Others that stand between a client and a model server, each started in front of the same upstream."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.processes.ports import free_ports

START_S = 120.0
LITELLM = "litellm[proxy]==1.103.0"
TENSORZERO = "tensorzero==2026.6.0"


@dataclass(frozen=True)
class Contestant:
    """Who is measured: where it listens, what it wants to be told, and its process."""

    name: str
    port: int
    pid: int
    headers: dict[str, str]
    model: str
    chat: str = "/v1/chat/completions"


@contextmanager
def bare(upstream: str, model: str, name: str = "bare aiohttp") -> Iterator[Contestant]:
    """The pass-through of `bare_proxy`."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.bare_proxy", upstream, str(port)]
    with _process(command, lambda: _listens(port)) as pid:
        yield Contestant(name, port, pid, {}, model)


@contextmanager
def litellm(upstream: str, model: str, folder: Path) -> Iterator[Contestant]:
    """LiteLLM's proxy, one worker; it is installed into an environment of its own under `folder` if it is not there."""
    programs = _environment(folder / "litellm", LITELLM)
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as temporary:
        config = Path(temporary) / "config.yaml"
        config.write_text(
            "model_list:\n"
            f"  - model_name: {model}\n"
            "    litellm_params:\n"
            f"      model: openai/{model}\n"
            f"      api_base: {upstream}/v1\n"
            "      api_key: none\n"
        )
        command = [str(programs / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
        command += ["--port", str(port), "--num_workers", "1"]
        with _process(command, lambda: _listens(port), LITELLM_LOG="ERROR") as pid:
            yield Contestant("LiteLLM", port, pid, {}, model)


@contextmanager
def tensorzero(upstream: str, model: str, folder: Path) -> Iterator[Contestant]:
    """TensorZero's gateway, which comes in its wheel and serves HTTP, with its database switched off."""
    programs = _environment(folder / "tensorzero", TENSORZERO)
    with tempfile.TemporaryDirectory() as temporary:
        config, told = Path(temporary) / "tensorzero.toml", Path(temporary) / "url"
        config.write_text(
            "gateway.observability.enabled = false\n"
            f'[models."{model}"]\n'
            'routing = ["upstream"]\n'
            f'[models."{model}".providers.upstream]\n'
            'type = "openai"\n'
            f'api_base = "{upstream}/v1"\n'
            f'model_name = "{model}"\n'
            'api_key_location = "none"\n'
        )
        server = Path(__file__).with_name("tensorzero_server.py")
        with _process([str(programs / "python"), str(server), str(config), str(told)], told.exists) as pid:
            url = urlsplit(told.read_text().rstrip("/"))
            name = f"tensorzero::model_name::{model}"
            yield Contestant("TensorZero", url.port or 80, pid, {}, name, f"{url.path}/chat/completions")


def _environment(folder: Path, package: str) -> Path:
    """The programs of an environment that has this package; it is installed there if it is not."""
    programs = folder / "bin"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(programs / "pip"), "install", "--quiet", package], check=True)
        (folder / "installed").touch()
    return programs


@contextmanager
def _process(command: list[str], is_ready: Callable[[], bool], **settings: str) -> Iterator[int]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **settings}, start_new_session=True
        )
        try:
            _wait_until(is_ready, process)
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until(is_ready: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while not is_ready():
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} does not listen")
        time.sleep(0.2)


def _listens(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def on_core(pid: int, cores: set[int]) -> None:
    """Keep a process, all its threads and its children to these cores."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)
        for child in (task / "children").read_text().split():
            on_core(int(child), cores)
