"""SIGKILL of the gateways that run a batch, in the middle of it and while it is written: every line is told of once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gateway.batches.runner import BATCH_RUNNER
from gateway.batches.settings import BatchSettings
from gateway.files.settings import FilesSettings
from infra.settings import KafkaSettings, RedisSettings
from producers.jobs.lease import Lease
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.files import a_line, comes_to, show, submit, told, with_store
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker
from tests.support.gateway_process import AN_HOUR_S, GatewayProcess, a_process, known

LINES = 60

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    """It takes batches and runs none."""
    parts = with_store(tmp_path / "files", lines_in_flight=0)
    async with a_gateway(log_settings, redis_settings, parts=parts) as running:
        yield running


class Answering:
    """A worker that counts how often it was handed a job, and answers it once; a third of them, until told to go on."""

    def __init__(self, worker: PlayedWorker) -> None:
        self._worker = worker
        self.times: Counter[str] = Counter()
        self.go_on = asyncio.Event()

    async def run(self) -> None:
        while True:
            try:
                prompt, place = await self._worker.next_prompt()
            except TimeoutError:
                continue
            self.times[prompt.job_id] += 1
            if len(self.times) > LINES // 3:
                await self.go_on.wait()
            lease = await self._worker.leases.claim(prompt, place)
            if isinstance(lease, Lease):
                await self._worker.end(lease, a_completed(prompt, prompt.messages[0].content))
            await asyncio.sleep(0.02)


async def test_every_line_is_told_of_once_whenever_its_gateway_dies(gateway: RunningGateway, tmp_path: Path) -> None:
    async with a_played_worker(gateway) as worker, AsyncExitStack() as stack:
        answering = Answering(worker)
        task = asyncio.create_task(answering.run())
        stack.callback(task.cancel)

        one = await stack.enter_async_context(a_runner(gateway, tmp_path / "one"))
        gateway.http.headers.update(await known(gateway, one))
        batch_id = await submit(gateway, [a_line(f"line {n}", f"answer {n}") for n in range(LINES)])
        await eventually(lambda: len(answering.times) > LINES // 3, what="a third of the lines answered")
        other = await stack.enter_async_context(a_runner(gateway, tmp_path / "other"))
        one.process.kill()
        answering.go_on.set()
        await eventually(lambda: writes(gateway, batch_id), what="a batch that is being written")
        other.process.kill()
        gateway.app[BATCH_RUNNER].lines_in_flight = 8
        ended = await comes_to(gateway, batch_id, "completed", within_s=60)
        answers = await told(gateway, ended["output_file_id"])

    assert ended["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
    assert {name: each["response"]["body"]["choices"][0]["message"]["content"] for name, each in answers.items()} == {
        f"line {n}": f"answer {n}" for n in range(LINES)
    }
    assert ended["error_file_id"] is None
    assert len(answering.times) == LINES, "a line handed in twice is one job"


@asynccontextmanager
async def a_runner(gateway: RunningGateway, folder: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway process that runs batches."""
    await asyncio.to_thread(folder.mkdir)
    files = FilesSettings(dir=str(folder.parent / "files"))
    batches = BatchSettings(lines_in_flight=8, look_every_s=0.05, lease_s=1.0)
    async with a_process(gateway.kafka, gateway.redis, folder, AN_HOUR_S, files, batches) as process:
        yield process


async def writes(gateway: RunningGateway, batch_id: str) -> bool:
    """Whether all lines have ended."""
    return (await show(gateway, batch_id))["status"] in {"finalizing", "completed"}
