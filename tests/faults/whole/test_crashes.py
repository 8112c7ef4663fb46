"""60 jobs in flight and one process killed: each ends in exactly one visible result, one row and one webhook id."""

import asyncio

import aiohttp
import pytest
from redis.asyncio import Redis

from tests.support.checker import Outcome, check
from tests.support.receiver import Receiver
from tests.support.whole import Whole

JOBS = 60
PATIENCE_S = 90.0

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def slow_model(service: Whole) -> None:
    """An answer takes about a second, so that jobs are in flight when something dies."""
    service.model.turn(first_token_ms=50, token_ms=40)


async def submit_all(client: aiohttp.ClientSession, receiver: Receiver, name: str) -> list[str]:
    """Submit as a patient client does: again under the same key until there is a 202."""

    async def submit(number: int) -> str:
        body = {
            "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
            "input": f"{name} {number}",
            "cache": "bypass",
            "webhook": {"url": receiver.url},
            "max_tokens": 20,
        }
        headers = {"Idempotency-Key": f"{name}-{number}"}
        while True:
            try:
                async with client.post("/v1/jobs", json=body, headers=headers) as reply:
                    if reply.status == 202:
                        return str((await reply.json())["id"])
                    assert reply.status in {429, 503}, await reply.text()
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)

    return list(await asyncio.gather(*(submit(number) for number in range(JOBS))))


async def outcome_of(service: Whole, client: aiohttp.ClientSession, receiver: Receiver, jobs: list[str]) -> Outcome:
    return await check(service, client, receiver, jobs, within_s=PATIENCE_S)


@pytest.mark.parametrize("victim", ["worker", "gateway", "fanout", "ingest", "deliver"])
async def test_a_process_killed_with_60_jobs_in_flight_loses_and_doubles_nothing(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver, victim: str
) -> None:
    jobs = await submit_all(client, receiver, f"killing {victim}")
    await some_done(client, jobs, 5)

    service.kill(victim)

    outcome = await outcome_of(service, client, receiver, jobs)
    assert outcome.faults == [], service.log()[-3000:]
    assert outcome.completed == JOBS


async def test_redis_emptied_in_mid_load_is_made_whole_from_the_log(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    jobs = await submit_all(client, receiver, "emptying redis")
    await some_done(client, jobs, 5)

    async with Redis.from_url(service.stack["redis"]) as redis:
        await redis.flushall()

    outcome = await outcome_of(service, client, receiver, jobs)
    assert outcome.faults == [], service.log()[-3000:]
    assert outcome.completed == JOBS


async def some_done(client: aiohttp.ClientSession, jobs: list[str], count: int) -> None:
    """Wait until so many of the jobs have ended: then the others are in flight."""
    ended: set[str] = set()
    while len(ended) < count:
        for job in jobs:
            async with client.get(f"/v1/jobs/{job}") as reply:
                if (await reply.json())["status"] == "completed":
                    ended.add(job)
        await asyncio.sleep(0.05)
