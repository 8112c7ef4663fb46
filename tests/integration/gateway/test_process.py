"""The gateway as a process: `headrace gateway`."""

import asyncio
import json
import resource
import signal
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from infra.settings import RedisSettings
from producers.jobs.live import Piece
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, events_of
from tests.support.gateway_process import AN_HOUR_S, GatewayProcess, a_process, known

# Brokers and processes start here, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)

CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "stream": True}


async def test_sigterm_lets_a_running_answer_end_and_takes_nothing_new(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=AN_HOUR_S) as process:
        headers = await known(gateway, process)
        asking = asyncio.create_task(
            gateway.http.post(f"{process.url}/v1/chat/completions", json=CHAT, headers=headers)
        )
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, [Piece("Be")])
        async with await asking as stream:
            process.process.send_signal(signal.SIGTERM)
            await eventually(lambda: refuses(process), what="an end to new connections")
            await worker.leases.show(lease, [Piece("cause.")])
            await worker.end(lease, a_completed(prompt, "Because."))
            content = await stream.read()
        code, log = await process.ended()

    assert events_of(content)[-1].data == "[DONE]"
    assert code == 0, log
    assert '"message":"stopped"' in log
    assert "Traceback" not in log


async def test_as_many_files_may_be_open_as_the_system_allows(
    gateway: RunningGateway, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    _, most = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, most), most))
    try:
        async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=1.0) as process:
            found = psutil.Process(process.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert found == (most, most)


async def refuses(process: GatewayProcess) -> bool:
    """Whether no new connection is taken."""
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(45)) as http, http.get(f"{process.url}/healthz"):
            return False
    except aiohttp.ClientConnectionError:
        return True


async def test_readers_of_job_events_are_sent_away_at_once_and_go_on_elsewhere(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=AN_HOUR_S) as process:
        headers = await known(gateway, process)
        job_id = (await gateway.post("/v1/jobs", {"model": MODEL, "input": "Why?"})).json["id"]
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, [Piece("Be")])
        async with gateway.http.get(f"{process.url}/v1/jobs/{job_id}/events", headers=headers) as stream:
            seen = events_of(await stream.content.readuntil(b'Be"}\n\n'))
            process.process.send_signal(signal.SIGTERM)
            rest = await asyncio.wait_for(stream.content.read(), 60)
            seen += events_of(rest)
        code, log = await process.ended()
        going_on = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=seen[-1].id))
        await worker.leases.show(lease, [Piece("cause.")])
        await worker.end(lease, a_completed(prompt, "Because."))
        told = events_of((await going_on).content)

    assert code == 0, log
    assert seen[-1].event == "token"
    assert rest.endswith(b"retry: 500\n\n")
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
