"""60 jobs in flight and one process killed: each ends in exactly one visible result, one row and one webhook id."""

import aiohttp
import pytest
from redis.asyncio import Redis

from tests.support.audited import audited
from tests.support.checker import check
from tests.support.load import overtaken, some_done, submit_all
from tests.support.receiver import Receiver
from tests.support.whole import Whole

PATIENCE_S = 90.0

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def slow_model(service: Whole) -> None:
    """An answer takes about a second, so that jobs are in flight when something dies."""
    service.model.turn(first_token_ms=50, token_ms=40)


async def test_a_worker_killed_with_60_jobs_in_flight_loses_and_doubles_nothing_though_one_was_overtaken(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    held, others = await overtaken(service, client, receiver)
    jobs = await submit_all(client, receiver, "killing worker")
    await some_done(client, jobs, 5)

    service.kill("worker")

    await each_ends_once(service, client, receiver, [held, *others, *jobs])


@pytest.mark.parametrize("victim", ["gateway", "fanout", "ingest", "deliver"])
async def test_a_process_killed_with_60_jobs_in_flight_loses_and_doubles_nothing(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver, victim: str
) -> None:
    jobs = await submit_all(client, receiver, f"killing {victim}")
    await some_done(client, jobs, 5)

    service.kill(victim)

    await each_ends_once(service, client, receiver, jobs)


async def test_redis_emptied_in_mid_load_is_made_whole_from_the_log(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    jobs = await submit_all(client, receiver, "emptying redis")
    await some_done(client, jobs, 5)

    async with Redis.from_url(service.stack["redis"]) as redis:
        await redis.flushall()

    await each_ends_once(service, client, receiver, jobs)


async def each_ends_once(service: Whole, client: aiohttp.ClientSession, receiver: Receiver, jobs: list[str]) -> None:
    """Every promise about these jobs is kept, and each was answered."""
    outcome = await check(service, client, receiver, jobs, within_s=PATIENCE_S)
    assert outcome.faults == [], service.log()[-3000:]
    assert outcome.completed == len(jobs)
    assert (await audited(service))["offenders"] == []
