"""SIGKILL of a gateway right after each step of a job's life that is its own: there is one job, and it has one end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.answers.answer_cache import AnswerCache
from producers.events import LANES, PromptSubmitted
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.lease import Leases, Published
from producers.jobs.settling import Settling
from producers.log.topics import ANSWERS, prompts
from producers.state.retention import Retention
from stream_workers.fanout.reaper import Patience, Reaper
from stream_workers.views.log_view import LogView
from tests.integration.views.conftest import House, a_house, following
from tests.support.builders import CLOCK
from tests.support.command import headrace
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, a_gateway, a_played_worker
from tests.support.gateway_process import AN_HOUR_S, GatewayProcess, a_process, known
from tests.support.topics import read_all

JOB: dict[str, Any] = {"model": MODEL, "input": "Why?", "cache": "bypass"}
CACHEABLE: dict[str, Any] = {"model": MODEL, "input": "What is always the same?"}
AT_ONCE = Patience(accepting_ms=0, finishing_ms=0, renewing_ms=0)

pytestmark = pytest.mark.timeout(300)


@dataclass
class Street:
    """A gateway that lives, a worker that is played, and the state view between them; one reaps when told to."""

    gateway: RunningGateway
    worker: PlayedWorker
    house: House
    view: LogView
    reaper: Reaper

    async def comes_to(self, job_id: str, status: str) -> None:
        """Wait until the job stands so, reaping all the while."""

        async def is_there() -> bool:
            await self.reaper.reap()
            await self.reaper.abort_unheard(self.view.read_up(3_000))
            return await self.house.status(job_id) == status

        await eventually(is_there, within_s=60, what=f"{job_id} {status}")

    async def submitted(self) -> list[PromptSubmitted]:
        """All prompts in the log."""
        return [each for lane in LANES for each in await read_all(self.gateway.kafka, prompts(lane))]

    async def check(self, folder: Path, accepted: int) -> None:
        """What the log says, and what Redis shows of it, is as promised."""
        given = ("audit", "--without", "clickhouse", "--without", "webhooks", "--patience", "60")
        settings = (self.gateway.kafka, self.gateway.redis)
        told = await asyncio.to_thread(partial(headrace, *given, settings=settings, folder=folder))
        assert told.returncode == 0, told.stdout + told.stderr
        assert told.stdout.startswith(f"accepted {accepted} ")


@pytest.fixture
async def street(kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[Street]:
    async with (
        a_house(kafka_settings, redis_settings) as house,
        following(house.state_view()) as view,
        a_gateway(kafka_settings, redis_settings, whole=False) as gateway,
        a_played_worker(gateway) as worker,
    ):
        kept = Retention()
        endings = Endings(house.parts.publisher, Settling(house.scripts, kept), house.metrics)
        reaper = Reaper(house.scripts, Intake(house.scripts, kept), endings, CLOCK, house.metrics, AT_ONCE)
        yield Street(gateway, worker, house, view, reaper)


@asynccontextmanager
async def dying(street: Street, folder: Path, step: str) -> AsyncIterator[GatewayProcess]:
    """A gateway that is killed right after its first step of that name, before the block ends."""
    ours = street.gateway
    async with a_process(ours.kafka, ours.redis, folder, AN_HOUR_S, die_after=f"{step}:1") as process:
        yield process
        await asyncio.wait_for(process.process.wait(), 60)
        assert process.process.returncode == -9


async def is_cut_off(url: str, headers: dict[str, str], body: Any = None) -> None:
    """Ask, and have no answer."""
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.post(url, json=body, headers=headers)


@pytest.mark.parametrize("step", ["accepted", "published", "acknowledged"])
async def test_a_job_whose_gateway_dies_is_the_same_job_for_a_client_that_asks_again(
    street: Street, tmp_path: Path, step: str
) -> None:
    async with dying(street, tmp_path, step) as process:
        headers = await known(street.gateway, process)
        await is_cut_off(f"{process.url}/v1/jobs", {**headers, "Idempotency-Key": "k"}, JOB)
    again = await street.gateway.post("/v1/jobs", JOB, Idempotency_Key="k")
    await street.worker.answer("Because.")
    await street.comes_to(again.json["id"], "completed")

    assert again.status == 202
    submitted = await street.submitted()
    assert {each.job_id for each in submitted} == {again.json["id"]}
    leases = Leases(street.gateway.scripts, Retention(), "another")
    for each in submitted:  # a second record of it is harmless
        assert await leases.claim(each, 0) == Published()
    await street.check(tmp_path, accepted=1)


@pytest.mark.parametrize("step", ["published", "acknowledged"])
async def test_a_job_that_the_log_holds_when_its_gateway_dies_runs_though_nobody_asks_again(
    street: Street, tmp_path: Path, step: str
) -> None:
    async with dying(street, tmp_path, step) as process:
        await is_cut_off(f"{process.url}/v1/jobs", await known(street.gateway, process), JOB)
    prompt = await street.worker.answer("Because.")
    await street.comes_to(prompt.job_id, "completed")

    await street.check(tmp_path, accepted=1)


async def test_a_job_that_the_log_never_got_is_given_up_and_its_key_is_free_again(
    street: Street, tmp_path: Path
) -> None:
    async with dying(street, tmp_path, "accepted") as process:
        headers = await known(street.gateway, process)
        await is_cut_off(f"{process.url}/v1/jobs", {**headers, "Idempotency-Key": "k"}, JOB)
    (job_id,) = await job_ids(street)
    await street.comes_to(job_id, "aborted")
    again = await street.gateway.post("/v1/jobs", JOB, Idempotency_Key="k")

    assert again.json["id"] != job_id
    assert [each.job_id for each in await street.submitted()] == [again.json["id"]]
    await street.check(tmp_path, accepted=1)


@pytest.mark.parametrize("step", ["stopped", "ended"])
async def test_a_cancel_whose_gateway_dies_ends_the_job_in_the_log_and_in_sight(
    street: Street, tmp_path: Path, step: str
) -> None:
    async with dying(street, tmp_path, step) as process:
        headers = await known(street.gateway, process)
        job_id = (await street.gateway.post("/v1/jobs", JOB)).json["id"]
        await is_cut_off(f"{process.url}/v1/jobs/{job_id}/cancel", headers)
    await street.comes_to(job_id, "aborted")

    assert {each.job_id for each in await read_all(street.gateway.kafka, ANSWERS)} == {job_id}
    await street.check(tmp_path, accepted=1)


@pytest.mark.parametrize("step", ["accepted", "ended"])
async def test_a_cached_answer_whose_gateway_dies_comes_into_the_log_and_in_sight(
    street: Street, tmp_path: Path, step: str
) -> None:
    await street.gateway.post("/v1/jobs", CACHEABLE)
    first = await street.worker.answer("This.")
    await eventually(partial(is_cached, street, first), what="the answer in the cache")
    async with dying(street, tmp_path, step) as process:
        await is_cut_off(f"{process.url}/v1/jobs", await known(street.gateway, process), CACHEABLE)
    (second,) = set(await job_ids(street)) - {first.job_id}
    await street.comes_to(second, "completed")

    assert [each.job_id for each in await street.submitted()] == [first.job_id], "no prompt of it is sent"
    await street.check(tmp_path, accepted=2)


async def job_ids(street: Street) -> list[str]:
    """The jobs of the tenant that Redis knows."""
    scripts = street.gateway.scripts
    found: list[Any] = await scripts.redis.zrange(f"{scripts.prefix}jobs:{street.gateway.tenant}", 0, -1)
    return [each.decode() for each in found]


async def is_cached(street: Street, prompt: PromptSubmitted) -> bool:
    return await AnswerCache(street.gateway.scripts).recall(prompt) is not None
