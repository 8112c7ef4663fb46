"""Gateways and workers are restarted one by one under load: nothing is lost or doubled, and nobody else notices."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from infra.settings import KafkaSettings, RedisSettings
from infra.sse import Parser
from producers.events import AnswerCompleted
from producers.jobs import record
from stream_workers.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway, a_gateway
from tests.support.gateway_process import GatewayProcess, a_process, known
from tests.support.model_servers import ModelServer, timed_tgi
from tests.support.workers import RunningWorker, Workshop, answers, workshop

__all__ = ["timed_tgi"]

DRAIN_S = 30.0
EVERY_S = 0.05
NAMES = ("w1", "w2")


def worker(name: str) -> WorkerSettings:
    """One that may be away for a minute before its partitions go to the other."""
    return WorkerSettings(name=name, slots=32, session_timeout_s=60.0)


@pytest.fixture
def place(
    tmp_path: Path, kafka_settings: KafkaSettings, redis_settings: RedisSettings, timed_tgi: ModelServer
) -> Iterator[Workshop]:
    timed_tgi.reset()
    timed_tgi.turn(first_token_ms=20, token_ms=10)
    with workshop(tmp_path, kafka_settings, redis_settings, timed_tgi.url) as found:
        found.drain_s = DRAIN_S
        yield found


@dataclass
class Street:
    """The gateways that there are now; a client asks any of them."""

    doors: list[GatewayProcess] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def asked(
        self, http: aiohttp.ClientSession, method: str, path: str, **how: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of one that is there; it is asked again until one says something else than that it is not."""
        headers = self.headers | how.pop("headers", {})
        while True:
            door = random.choice(self.doors)  # spreads calls, guards nothing
            with suppress(aiohttp.ClientConnectionError):
                async with http.request(method, f"{door.url}{path}", headers=headers, **how) as response:
                    if response.status != 503:
                        yield response
                        return
            await asyncio.sleep(0.05)


@dataclass
class Client:
    """Submits steadily and reads every fourth job's events to their end, wherever they go on."""

    street: Street
    http: aiohttp.ClientSession
    accepted: list[str] = field(default_factory=list)
    read: dict[str, str] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as calls:
            number = 0
            while not self.stopping.is_set():
                calls.create_task(self._one(number))
                number += 1
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), EVERY_S)

    async def _one(self, number: int) -> None:
        body = {"model": MODEL, "input": f"Question {number}?", "cache": "bypass"}
        how = {"json": body, "headers": {"Idempotency-Key": f"call-{number}"}}
        async with self.street.asked(self.http, "POST", "/v1/jobs", **how) as response:
            told = await response.json()
            assert response.status == 202, told
        self.accepted.append(told["id"])
        if number % 4 == 0:
            self.read[told["id"]] = await self._followed(told["id"])

    async def _followed(self, job_id: str) -> str:
        text, last = "", ""
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            async with self.street.asked(self.http, "GET", f"/v1/jobs/{job_id}/events", headers=headers) as stream:
                parser = Parser()
                with suppress(aiohttp.ClientPayloadError):
                    async for chunk in stream.content.iter_any():
                        for event in parser.feed(chunk):
                            last = event.id or last
                            if event.event == "done":
                                return text
                            if event.event in {"token", "snapshot"}:
                                text = (text if event.event == "token" else "") + json.loads(event.data)["text"]


def times_assigned(one: RunningWorker) -> int:
    """How often it was told which partitions it has."""
    return one.log.read_bytes().count(b'"partitions assigned"')


async def test_gateways_and_workers_are_restarted_one_by_one_and_nobody_notices(
    place: Workshop, tmp_path: Path
) -> None:
    async with a_gateway(place.kafka, place.redis) as ours, AsyncExitStack() as stack:
        workers = {name: await asyncio.to_thread(place.start, worker(name)) for name in NAMES}
        street = Street()
        for number in range(2):
            street.doors.append(await opened(stack, place, tmp_path / f"gateway-{number}", ours))
        street.headers = await known(ours, street.doors[0])
        await eventually_known(street, ours)
        client = Client(street, await stack.enter_async_context(aiohttp.ClientSession()))
        running = asyncio.create_task(client.run())
        await eventually(lambda: len(client.accepted) >= 20, what="the load")

        for number in range(2):
            leaving = street.doors[0]
            leaving.process.terminate()
            code, log = await leaving.ended()
            assert code == 0, log
            street.doors.remove(leaving)
            street.doors.append(await opened(stack, place, tmp_path / f"gateway-{2 + number}", ours))
            await eventually_known(street, ours)
        for name in NAMES:
            (other,) = (workers[each] for each in NAMES if each != name)
            before = times_assigned(other)
            assert await asyncio.to_thread(workers[name].terminate) == 0
            workers[name] = await asyncio.to_thread(place.start, worker(name))
            assert times_assigned(other) == before, "its partitions were moved"
        client.stopping.set()
        await running

        for job_id in client.accepted:

            async def is_over(job_id: str = job_id) -> bool:
                found = await record.read(ours.scripts, job_id)
                return found is not None and found.ended

            await eventually(is_over, what=f"the end of {job_id}")
        first = (await asyncio.to_thread(answers, place.kafka)).first_by_job
        assert set(first) == set(client.accepted)
        assert len(client.accepted) == len(set(client.accepted))
        assert [each for each in first.values() if not isinstance(each, AnswerCompleted)] == []
        assert client.read == {job_id: first[job_id].text for job_id in client.read}
        assert len(client.read) >= len(client.accepted) // 5


async def opened(stack: AsyncExitStack, place: Workshop, folder: Path, ours: RunningGateway) -> GatewayProcess:
    """One more gateway."""
    await asyncio.to_thread(folder.mkdir)
    return await stack.enter_async_context(a_process(place.kafka, place.redis, folder, DRAIN_S))


async def eventually_known(street: Street, ours: RunningGateway) -> None:
    """Until every gateway knows the client's key."""

    async def is_known() -> bool:
        told = []
        for door in street.doors:
            async with ours.http.get(f"{door.url}/v1/models", headers=street.headers) as response:
                told.append(response.status)
        return set(told) == {200}

    await eventually(is_known, what="the key at every gateway")
