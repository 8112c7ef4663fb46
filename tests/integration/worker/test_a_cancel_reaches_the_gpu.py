"""A cancel goes all the way: through a real gateway and worker to the model server, which stops generating at once."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from stream_workers.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway, a_gateway
from tests.support.model_servers import ModelServer, embedded_tgi
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.workers import Workshop, workshop

__all__ = ["embedded_tgi"]

COUNT = "Count to ten thousand, one number after another."
"""This model goes on to its limit with it: some 20 s alone on a machine."""
LONG: dict[str, Any] = {"model": MODEL, "input": COUNT, "max_tokens": 1000, "temperature": 0, "cache": "bypass"}
AT_ONCE_S = 10.0
"""On an idle machine it takes some 30 ms; tests run beside others."""


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, kafka: RunningKafka, redis_server: RunningRedis, embedded_tgi: ModelServer
) -> Iterator[Workshop]:
    """One worker with one slot, before the real small model."""
    folder, prefix = tmp_path_factory.mktemp("worker"), a_prefix()
    with workshop(folder, kafka.settings(prefix), redis_server.settings(prefix), embedded_tgi.url) as found:
        worker = found.start(WorkerSettings(name="w1", slots=1))
        yield found
        assert worker.terminate() == 0


@pytest.fixture
async def gateway(shop: Workshop) -> AsyncIterator[RunningGateway]:
    async with a_gateway(shop.kafka, shop.redis, reader_grace_s=0.0) as running:
        yield running


async def counted(model: ModelServer, metric: str) -> int:
    """What the model server counts, over all labels."""
    text = await asyncio.to_thread(model.metrics)
    return sum(int(float(each)) for each in re.findall(rf"^{metric}(?:\{{.*\}})? (\S+)$", text, re.M))


async def dropped(model: ModelServer) -> int:
    text = await asyncio.to_thread(model.metrics)
    return sum(int(float(each)) for each in re.findall(r'^tgi_request_failure\{err="dropped"\} (\S+)$', text, re.M))


async def has_dropped(model: ModelServer, before: int) -> bool:
    return await dropped(model) == before + 1


async def is_idle(model: ModelServer) -> bool:
    return await counted(model, "tgi_batch_current_size") == 0


async def stands(gateway: RunningGateway, job_id: str) -> Any:
    return (await gateway.get(f"/v1/jobs/{job_id}")).json


async def speaks(gateway: RunningGateway, job_id: str) -> None:
    """Wait until the job has shown text."""
    async with gateway.http.get(f"{gateway.url}/v1/jobs/{job_id}/events") as stream:
        await stream.content.readuntil(b"event: token")


async def test_a_cancel_stops_the_gpu_and_who_waited_behind_it_never_gets_there(
    gateway: RunningGateway, embedded_tgi: ModelServer
) -> None:
    before, asked = await dropped(embedded_tgi), await counted(embedded_tgi, "tgi_request_count")
    running = (await gateway.post("/v1/jobs", LONG)).json["id"]
    await speaks(gateway, running)
    queued = (await gateway.post("/v1/jobs", LONG)).json["id"]
    place = (await stands(gateway, queued))["queue"]

    aborted = await gateway.post(f"/v1/jobs/{queued}/cancel", {})
    began_s = time.monotonic()
    cancelling = await gateway.post(f"/v1/jobs/{running}/cancel", {})
    await eventually(partial(has_dropped, embedded_tgi, before), within_s=AT_ONCE_S, what="the closed connection")
    await eventually(partial(is_idle, embedded_tgi), within_s=AT_ONCE_S, what="the end of the generation")
    took_s = time.monotonic() - began_s

    async def is_cancelled() -> bool:
        return bool((await stands(gateway, running))["status"] == "cancelled")

    await eventually(is_cancelled)
    ended, never = await stands(gateway, running), await stands(gateway, queued)
    again = await gateway.post(f"/v1/jobs/{running}/cancel", {})
    assert place["position"] == 1
    assert (aborted.status, aborted.json["status"]) == (200, "aborted")
    assert (cancelling.status, cancelling.json["status"]) == (202, "cancelling")
    assert took_s < AT_ONCE_S
    assert 0 < ended["usage"]["completion_tokens"] < LONG["max_tokens"]
    assert ended["result"] is None
    assert (never["status"], never["started_at"], never["usage"]) == ("aborted", None, None)
    assert (again.status, again.json) == (200, ended)
    # One to be templated, one to be generated; what waited may be templated while its claim is made.
    assert await counted(embedded_tgi, "tgi_request_count") - asked in (2, 3)
    assert await counted(embedded_tgi, "tgi_request_generated_tokens_count") <= 1
    assert await dropped(embedded_tgi) == before + 1


async def test_a_stream_that_is_let_go_of_stops_the_gpu(gateway: RunningGateway, embedded_tgi: ModelServer) -> None:
    before = await dropped(embedded_tgi)
    asked = {name: given for name, given in LONG.items() if name != "input"}
    body = asked | {"messages": [{"role": "user", "content": COUNT}], "stream": True}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as stream:
        await stream.content.readuntil(b'"content":"')
        stream.close()

    await eventually(partial(has_dropped, embedded_tgi, before), within_s=AT_ONCE_S, what="the closed connection")


async def test_a_period_that_passes_stops_the_gpu(gateway: RunningGateway, embedded_tgi: ModelServer) -> None:
    before = await dropped(embedded_tgi)
    job = await gateway.post("/v1/jobs", LONG, Cancel_After="5s", Prefer="wait=60")

    assert (job.status, job.json["status"], job.json["error"]) == (200, "expired", None)
    assert 0 < job.json["usage"]["completion_tokens"] < LONG["max_tokens"]
    await eventually(partial(has_dropped, embedded_tgi, before), what="the closed connection")
