"""Every process that serves no clients ends when its work is put down; for its drain, an hour, it does not wait."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from analytics import migrate
from analytics.settings import AnalyticsSettings
from infra.settings import (
    Block,
    CommonSettings,
    KafkaSettings,
    RedisSettings,
    ServiceSettings,
    TgiSettings,
    child_environment,
)
from tests.support.clickhouse import Database
from tests.support.eventually import eventually
from tests.support.model_servers import model_server

pytestmark = pytest.mark.timeout(300)

PROCESSES = ("worker", "fanout", "deliver", "retrain", "ingest", "reports")
DRAIN_S = 3600.0
SECRET = "a secret key of the tests, long enough"


@asynccontextmanager
async def running(folder: Path, *settings: Block) -> AsyncIterator[Mapping[str, asyncio.subprocess.Process]]:
    """All of them, ready; whatever the test leaves running is killed."""
    processes: dict[str, asyncio.subprocess.Process] = {}
    try:
        for name in PROCESSES:
            service = ServiceSettings(ready_file=str(folder / name), drain_s=DRAIN_S)
            processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "infra.cli", name,
                env=child_environment(service, *settings),
                stderr=asyncio.subprocess.PIPE,
                cwd=folder,
            )  # fmt: skip
        for name in PROCESSES:
            await eventually((folder / name).exists, within_s=90, what=f"{name} to be ready")
        yield processes
    finally:
        for each in processes.values():
            if each.returncode is None:
                each.kill()
                await each.wait()


async def test_each_ends_as_soon_as_nothing_is_left_to_do(
    log_settings: KafkaSettings, redis_settings: RedisSettings, clickhouse: Database, tmp_path: Path
) -> None:
    await asyncio.to_thread(migrate.migrate, clickhouse.settings, AnalyticsSettings())
    with model_server("--timed") as model:
        parts = (log_settings, redis_settings, clickhouse.settings, TgiSettings(url=model.url))
        async with running(tmp_path, *parts, CommonSettings(secret_key=SECRET)) as processes:
            for each in processes.values():
                each.terminate()
            logs = [(await each.communicate())[1].decode() for each in processes.values()]

    ends = {name: each.returncode for name, each in processes.items()}
    assert ends == dict.fromkeys(PROCESSES, 0), "\n".join(log[-2000:] for log in logs)
    assert [log for log in logs if '"message":"stopped"' not in log or "Traceback" in log] == []
