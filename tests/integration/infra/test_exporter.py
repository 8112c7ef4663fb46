"""A process of ours tells of itself: /metrics, /healthz and /readyz at an address of its own."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.errors import WrongSetting
from infra.local.processes.ports import free_ports
from infra.settings import child_environment
from infra.telemetry.metrics import Metrics
from infra.telemetry.settings import MetricsSettings
from tests.support.command import headrace
from tests.support.eventually import eventually
from tests.support.scrape import samples, scrape, status

PROGRAM = """
import asyncio, sys
from infra.service import Service, run

async def serve(service: Service) -> None:
    service.metrics.examples.inc(3)
    await asyncio.to_thread(sys.stdin.readline)
    service.ready()
    await service.stopping.wait()
    await asyncio.to_thread(sys.stdin.readline)

run(serve, name="tried")
"""


@asynccontextmanager
async def tried(settings: MetricsSettings) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env=child_environment(settings), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_process_shows_what_it_counts_and_whether_it_is_ready() -> None:
    place = f"127.0.0.1:{free_ports(1)[0]}"

    async def says(path: str, wanted: int) -> bool:
        return await status(f"http://{place}/{path}") == wanted

    async with tried(MetricsSettings(address=place)) as process:
        assert process.stdin is not None
        await eventually(lambda: says("healthz", 200), what="a process that lives")
        assert await says("readyz", 503)
        counted = await scrape(f"http://{place}/metrics")

        process.stdin.write(b"be ready\n")
        await eventually(lambda: says("readyz", 200), what="a process that is ready")
        process.terminate()
        await eventually(lambda: says("readyz", 503), what="a process that stops")
        assert await says("healthz", 200)
        process.stdin.write(b"end\n")
        assert await process.wait() == 0

    assert counted["headrace_examples_total"] == 3
    assert counted["process_resident_memory_bytes"] > 1_000_000
    assert {each for each in counted if each.startswith("headrace_")} <= {
        "headrace_examples_total", "headrace_examples_created",
    }  # fmt: skip


def test_an_address_that_is_taken_is_refused_by_the_setting_s_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"

        done = headrace("retrain", folder=tmp_path, HEADRACE_METRICS__ADDRESS=place)

    assert done.returncode == 2
    assert f"HEADRACE_METRICS__ADDRESS={place} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_of_another_machine_is_refused_by_the_setting_s_name(tmp_path: Path) -> None:
    done = headrace("retrain", folder=tmp_path, HEADRACE_METRICS__ADDRESS="192.0.2.1:9100")

    assert done.returncode == 2
    assert "HEADRACE_METRICS__ADDRESS=192.0.2.1:9100: nothing can listen there" in done.stderr


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        (":9100", ("0.0.0.0", 9100)),
        ("[::1]:9100", ("::1", 9100)),
        ("pod-1.local:0", ("pod-1.local", 0)),
    ],
)
def test_an_address_has_a_host_and_a_port(address: str, place: tuple[str, int]) -> None:
    assert MetricsSettings(address=address).host_and_port == place


@pytest.mark.parametrize(
    "address", ["9100", "localhost", "localhost:", "localhost:99999", "http://localhost:9100", "::1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(WrongSetting, match="HEADRACE_METRICS__ADDRESS"):
        MetricsSettings(address=address).check()


async def test_a_look_that_fails_or_hangs_leaves_its_own_metric_out_and_shows_the_others() -> None:
    metrics = Metrics()
    metrics.examples.inc()
    metrics.consumer_lag.labels("g", "stale").set(7)

    async def hangs() -> None:
        await asyncio.sleep(60)

    async def fails() -> None:
        metrics.consumer_lag.labels("g", "half").set(1)
        raise ConnectionError

    metrics.look_up(metrics.consumer_lag, hangs)
    assert "headrace_consumer_lag{" not in (await metrics.shown()).decode()
    metrics.look_up(metrics.consumer_lag, fails)

    found = samples((await metrics.shown()).decode())

    assert found["headrace_examples_total"] == 1
    assert not any(each.startswith("headrace_consumer_lag") for each in found)
