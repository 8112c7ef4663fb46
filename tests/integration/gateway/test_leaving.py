"""How a gateway leaves: load balancers first, then readers, then whoever still waits; no job is lost on the way."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.process import Leave
from gateway.settings import GatewaySettings
from infra.errors import WrongSetting
from infra.settings import RedisSettings, ServiceSettings
from producers.jobs.live import Piece
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, events_of
from tests.support.gateway_process import AN_HOUR_S, a_process, known

pytestmark = pytest.mark.timeout(300)

CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}
JOB: dict[str, Any] = {"model": MODEL, "input": "Why?"}


async def test_a_gateway_that_lingers_turns_load_balancers_away_before_its_clients(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=AN_HOUR_S, linger_s=8.0) as process:
        headers = await known(gateway, process)
        process.process.send_signal(signal.SIGTERM)
        told = "ready"
        while told == "ready":
            async with gateway.http.get(f"{process.url}/readyz") as response:
                told = (await response.json())["status"]
        async with gateway.http.post(f"{process.url}/v1/jobs", json=JOB, headers=headers) as submitted:
            taken, closes = submitted.status, submitted.headers["Connection"]
        prompt, _ = await worker.next_prompt()
        code, log = await process.ended()

    assert (told, taken, closes) == ("stopping", 202, "close")
    assert prompt.job_id
    assert code == 0, log


async def test_an_answer_that_outlasts_the_drain_is_broken_off_in_words_and_its_job_goes_on(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=10.0) as process:
        headers, url = await known(gateway, process), f"{process.url}/v1/chat/completions"
        streaming = asyncio.create_task(gateway.http.post(url, json={**CHAT, "stream": True}, headers=headers))
        streamed, lease = await worker.claim()
        await worker.leases.show(lease, [Piece("Be")])
        waiting = asyncio.create_task(gateway.http.post(url, json=CHAT, headers=headers))
        whole, whole_lease = await worker.claim()
        async with await streaming as stream:
            process.process.send_signal(signal.SIGTERM)
            events = events_of(await stream.content.read())
        async with await waiting as response:
            status, told_of, body = response.status, response.headers["x-job-id"], await response.json()
            retry = response.headers["x-should-retry"]
        code, log = await process.ended()
        for prompt, held in ((streamed, lease), (whole, whole_lease)):
            await worker.end(held, a_completed(prompt, "Because."))
        ends = [(await gateway.get(f"/v1/jobs/{each.job_id}")).json["status"] for each in (streamed, whole)]

    assert json.loads(events[-1].data)["error"]["code"] == "gateway_stopping"
    assert (status, told_of, body["error"]["code"]) == (503, whole.job_id, "gateway_stopping")
    assert retry == "true", "the job that nobody reads is given up"
    assert ends == ["completed", "completed"]
    assert code == 0, f"it was cut off by its drain: {log}"


async def test_every_job_that_was_promised_while_the_gateway_left_is_in_the_log(
    gateway: RunningGateway, worker: PlayedWorker, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    promised, refused = list[str](), 0

    async def submit_until_refused(url: str, headers: dict[str, str]) -> None:
        nonlocal refused
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.post(f"{url}/v1/jobs", json=JOB, headers=headers) as response:
                        assert response.status == 202
                        promised.append((await response.json())["id"])
                except aiohttp.ClientConnectionError:
                    refused += 1
                    return

    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=AN_HOUR_S) as process:
        headers = await known(gateway, process)
        clients = [asyncio.create_task(submit_until_refused(process.url, headers)) for _ in range(4)]
        await eventually(lambda: len(promised) >= 40, what="forty promises")
        process.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*clients)
        code, log = await process.ended()
    logged = set[str]()
    async with asyncio.timeout(90):
        while not logged.issuperset(promised):
            logged.add((await worker.next_prompt())[0].job_id)

    assert refused == 4
    assert code == 0, log


def test_a_linger_that_leaves_no_drain_is_refused() -> None:
    with pytest.raises(WrongSetting, match=r"GATEWAY__LINGER_S=10 leaves nothing of HEADRACE_SERVICE__DRAIN_S=10"):
        Leave.within(ServiceSettings(drain_s=10.0), GatewaySettings(linger_s=10.0))
