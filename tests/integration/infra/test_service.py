"""A process of ours from its start to its end."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import ServiceSettings, child_environment
from tests.support.eventually import eventually_sync

PROGRAM = """
import asyncio, sys
from infra.service import Service, run

async def serve(service: Service) -> None:
    service.ready()
    await service.stopping.wait()
    if sys.argv[1] == "slow":
        await asyncio.sleep(60)
    if sys.argv[1] == "stuck":
        import time
        time.sleep(60)
    print("put down", flush=True)

run(serve, name="tried")
"""


class Tried:
    """The program above as a running process."""

    def __init__(self, manner: str, ready_file: Path, drain_s: float = 60.0) -> None:
        settings = ServiceSettings(ready_file=str(ready_file), drain_s=drain_s)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, manner],
            env=child_environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually_sync(ready_file.exists, within_s=45)

    def end(self) -> tuple[int, str, str]:
        """Exit code, output and log."""
        out, err = self.process.communicate(timeout=45)
        return self.process.returncode, out, err


@pytest.fixture
def ready_file(tmp_path: Path) -> Path:
    return tmp_path / "ready"


def test_a_ready_service_writes_its_ready_file_and_puts_things_down_when_told_to_stop(ready_file: Path) -> None:
    tried = Tried("tidy", ready_file)
    assert ready_file.read_text() == f"{tried.process.pid}\n"

    tried.process.terminate()

    code, out, log = tried.end()
    assert (code, out) == (0, "put down\n")
    assert '"message":"stopped"' in log


def test_a_drain_that_outlasts_its_deadline_is_cut_off_with_a_clear_error(ready_file: Path) -> None:
    tried = Tried("slow", ready_file, drain_s=0.1)

    tried.process.terminate()

    code, _, log = tried.end()
    assert code == 1
    assert "did not drain within 0.1 s" in log


def test_a_service_whose_loop_hangs_ends_all_the_same(ready_file: Path) -> None:
    tried = Tried("stuck", ready_file, drain_s=0.1)

    tried.process.terminate()

    code, out, _ = tried.end()
    assert (code, out) == (1, "")


def test_a_second_signal_ends_the_service_at_once(ready_file: Path) -> None:
    tried = Tried("slow", ready_file)

    tried.process.terminate()
    assert tried.process.stderr is not None
    for line in tried.process.stderr:
        if '"stopping"' in line:
            break
    tried.process.send_signal(signal.SIGINT)

    code, _, _ = tried.end()
    assert code == 130
