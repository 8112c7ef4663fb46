"""The gateway as a process: `headrace gateway`."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.settings import GatewaySettings
from infra.local.ports import free_ports
from infra.settings import KafkaSettings, RedisSettings, ServiceSettings, child_environment
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, events_of

# Brokers and processes start here, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)

CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "stream": True}


@dataclass
class GatewayProcess:
    """A running `headrace gateway`."""

    process: asyncio.subprocess.Process
    url: str

    async def ended(self) -> tuple[int, str]:
        """Its exit code and log."""
        _, log = await asyncio.wait_for(self.process.communicate(), 20.0)
        assert self.process.returncode is not None
        return self.process.returncode, log.decode()


@asynccontextmanager
async def a_process(
    kafka: KafkaSettings, redis: RedisSettings, folder: Path, drain_s: float
) -> AsyncIterator[GatewayProcess]:
    """A gateway process that is ready; it is killed if the test leaves it running."""
    port, ready_file = free_ports(1)[0], folder / "ready"
    service = ServiceSettings(ready_file=str(ready_file), drain_s=drain_s)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "gateway", "--port", str(port),
        env=child_environment(kafka, redis, service, GatewaySettings(models=(MODEL,))),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await eventually(ready_file.exists, within_s=45, what="the ready file")
        yield GatewayProcess(process, f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def known(gateway: RunningGateway, process: GatewayProcess) -> dict[str, str]:
    """Headers with a key that the process has read from the registry."""
    issued = await gateway.issue(gateway.tenant)
    headers = {"Authorization": f"Bearer {issued.api_key}"}

    async def is_known() -> bool:
        async with gateway.http.get(f"{process.url}/v1/models", headers=headers) as response:
            return response.status == 200

    await eventually(is_known, what="the key in the process")
    return headers


async def test_sigterm_lets_a_running_answer_end_and_takes_nothing_new(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=10.0) as process:
        headers = await known(gateway, process)
        asking = asyncio.create_task(
            gateway.http.post(f"{process.url}/v1/chat/completions", json=CHAT, headers=headers)
        )
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, "Be")
        async with await asking as stream:
            process.process.send_signal(signal.SIGTERM)
            await eventually(lambda: refuses(process), what="an end to new connections")
            await worker.leases.show(lease, "cause.")
            await worker.end(lease, a_completed(prompt, "Because."))
            content = await stream.read()
        code, log = await process.ended()

    assert events_of(content)[-1].data == "[DONE]"
    assert code == 0, log
    assert '"message":"stopped"' in log
    assert "Traceback" not in log


async def refuses(process: GatewayProcess) -> bool:
    """Whether no new connection is taken."""
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as http, http.get(f"{process.url}/healthz"):
            return False
    except aiohttp.ClientConnectionError:
        return True


async def test_readers_of_job_events_are_sent_away_at_once_and_go_on_elsewhere(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=10.0) as process:
        headers = await known(gateway, process)
        job_id = (await gateway.post("/v1/jobs", {"model": MODEL, "input": "Why?"})).json["id"]
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, "Be")
        async with gateway.http.get(f"{process.url}/v1/jobs/{job_id}/events", headers=headers) as stream:
            seen = events_of(await stream.content.readuntil(b'Be"}\n\n'))
            process.process.send_signal(signal.SIGTERM)
            seen += events_of(await stream.content.read())
        code, log = await process.ended()
        rest = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=seen[-1].id))
        await worker.leases.show(lease, "cause.")
        await worker.end(lease, a_completed(prompt, "Because."))
        told = events_of((await rest).content)

    assert code == 0, log
    assert seen[-1].event == "token"
    assert [json.loads(each.data).get("text") for each in told[:-1]] == ["cause."]
    assert told[-1].event == "done"


async def test_a_killed_gateway_loses_no_job_that_it_answered_for(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=1.0) as process:
        headers = await known(gateway, process)
        submits = [
            asyncio.create_task(
                gateway.http.post(f"{process.url}/v1/jobs", json={"model": MODEL, "input": f"{n}"}, headers=headers)
            )
            for n in range(20)
        ]
        promised = []
        for submit in submits:
            async with await submit as response:
                assert response.status == 202
                promised.append((await response.json())["id"])
        process.process.kill()
        answered = {(await worker.answer("Because.")).job_id for _ in range(20)}
        states = {(await gateway.get(f"/v1/jobs/{job_id}")).json["status"] for job_id in promised}

    assert answered == set(promised)
    assert states == {"completed"}
