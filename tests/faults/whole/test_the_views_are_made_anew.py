"""Redis is set back in mid-load, by its operator or by an older copy of its data: the audit misses nothing."""

import asyncio
import json
import shutil
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from tests.support.audited import audited
from tests.support.checker import check
from tests.support.command import headrace
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.load import some_done, submit_all
from tests.support.receiver import Receiver
from tests.support.stack import RunningRedis
from tests.support.whole import Whole, whole

PATIENCE_S = 90.0
REBUILD = ("rebuild", "--yes", "--json")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def apart(own_redis: RunningRedis, tmp_path: Path) -> Iterator[Whole]:
    """A service whose Redis is the test's, to be killed and given other data; an answer takes about a second."""
    folder = tmp_path / "service"
    folder.mkdir()
    with whole(folder, HEADRACE_REDIS__URL=own_redis.url) as running:
        running.model.turn(first_token_ms=50, token_ms=40)
        yield running


async def test_views_made_anew_twice_in_mid_load_lose_and_double_nothing(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    service.model.turn(first_token_ms=50, token_ms=40)
    jobs = await submit_all(client, receiver, "before the rebuild")
    await some_done(client, jobs, 5)

    rebuilding = [asyncio.create_task(asyncio.to_thread(partial(headrace, *REBUILD, folder=service.folder)))
                  for _ in range(2)]  # fmt: skip
    jobs += await submit_all(client, receiver, "during the rebuild")
    done = await asyncio.gather(*rebuilding)

    assert [each.returncode for each in done] == [0, 0], [each.stderr for each in done]
    assert json.loads(done[0].stdout)["records"] > 0
    await each_ends_once(service, client, receiver, jobs)


async def test_a_rebuild_that_is_killed_half_way_is_ended_by_the_views_themselves(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    service.model.turn(first_token_ms=50, token_ms=40)
    jobs = await submit_all(client, receiver, "before the broken rebuild", count=20)
    await some_done(client, jobs, 5)

    with frozen(service.stack["processes"]["fanout"]):
        await set_back_and_killed(service)

    await each_ends_once(service, client, receiver, jobs)


async def test_a_redis_given_an_older_copy_of_its_data_in_mid_load_loses_and_doubles_nothing(
    apart: Whole, own_redis: RunningRedis, receiver: Receiver, tmp_path: Path
) -> None:
    data, older = tmp_path / "redis", tmp_path / "older"
    async with aiohttp.ClientSession(apart.stack["gateway_url"], headers=apart.headers) as client:
        jobs = await submit_all(client, receiver, "before the copy", count=30)
        await some_done(client, jobs, 5)
        await asyncio.to_thread(shutil.copytree, data, older)
        jobs += await submit_all(client, receiver, "after the copy", count=30)
        await some_done(client, jobs, 40)

        own_redis.kill()
        await asyncio.to_thread(shutil.rmtree, data)
        await asyncio.to_thread(shutil.copytree, older, data)
        await own_redis.started()

        await each_ends_once(apart, client, receiver, jobs)


async def set_back_and_killed(service: Whole) -> None:
    """Start a rebuild, and kill it once the views are set back: nobody reads on meanwhile."""
    command = (sys.executable, "-m", "infra.cli", *REBUILD)
    rebuilding = await asyncio.create_subprocess_exec(*command, cwd=service.folder, stdout=DEVNULL)
    async with Redis.from_url(service.stack["redis"]) as redis:

        async def is_set_back() -> bool:
            return not await redis.exists("headrace:view:state:positions")

        await eventually(is_set_back, what="views that are set back")
    assert rebuilding.returncode is None
    rebuilding.kill()
    await rebuilding.wait()


async def each_ends_once(service: Whole, client: aiohttp.ClientSession, receiver: Receiver, jobs: list[str]) -> None:
    """Every promise about these jobs is kept, and each was answered."""
    outcome = await check(service, client, receiver, jobs, within_s=PATIENCE_S)
    assert outcome.faults == [], service.log()[-3000:]
    assert outcome.completed == len(jobs)
    assert (await audited(service))["offenders"] == []
