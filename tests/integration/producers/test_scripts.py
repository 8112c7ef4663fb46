"""Scripts asked for at the same time share a round trip, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from infra import redis
from infra.errors import Unavailable
from infra.settings import RedisSettings
from producers.state.scripts import Scripts
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.stack import RunningRedis, a_prefix

TIMEOUT_S = 0.3


@pytest.fixture
async def client(redis_settings: RedisSettings) -> AsyncIterator[Redis]:
    made = redis.client(redis_settings)
    yield made
    await made.aclose()


async def test_scripts_of_one_turn_share_their_round_trips(client: Redis, redis_settings: RedisSettings) -> None:
    scripts = Scripts(client, redis_settings)
    before = (await client.info("stats"))["total_reads_processed"]

    states = await asyncio.gather(*(scripts.run("acknowledge", f"job_{n}") for n in range(1000)))

    assert states == [None] * 1000
    assert (await client.info("stats"))["total_reads_processed"] - before < 200


async def test_a_script_that_redis_refuses_spoils_no_other(client: Redis, redis_settings: RedisSettings) -> None:
    scripts = Scripts(client, redis_settings)
    await client.set(f"{redis_settings.prefix}job:bad", "no hash")

    ids = ("good_1", "bad", "good_2")
    found = await asyncio.gather(*(scripts.run("acknowledge", each) for each in ids), return_exceptions=True)

    assert found[0] is None
    assert found[2] is None
    assert isinstance(found[1], ResponseError)


async def test_an_argument_that_cannot_be_sent_spoils_no_other_call(
    client: Redis, redis_settings: RedisSettings
) -> None:
    scripts = Scripts(client, redis_settings)

    asking = [
        scripts.run("acknowledge", "good_1"),
        scripts.run("acknowledge", "\ud800"),
        scripts.ask("ECHO", None),  # type: ignore[arg-type] # the fault is meant
        scripts.ask("ECHO", "good_2"),
    ]
    first, lone, nothing, last = await asyncio.gather(*asking, return_exceptions=True)

    assert (first, last) == (None, b"good_2")
    assert isinstance(lone, UnicodeEncodeError)
    assert isinstance(nothing, TypeError)


async def test_a_redis_that_forgot_the_scripts_is_taught_again(client: Redis, redis_settings: RedisSettings) -> None:
    scripts = Scripts(client, redis_settings)
    await scripts.run("acknowledge", "job_1")
    await client.script_flush()

    assert await asyncio.gather(*(scripts.run("acknowledge", f"job_{n}") for n in range(9))) == [None] * 9


async def test_who_gives_up_waiting_takes_nobody_along(client: Redis, redis_settings: RedisSettings) -> None:
    scripts = Scripts(client, redis_settings)
    leaving, staying = (asyncio.create_task(scripts.run("acknowledge", f"job_{n}")) for n in range(2))
    await asyncio.sleep(0)
    leaving.cancel()

    assert await staying is None
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_redis_frozen_for_long_answers_again_once_it_thaws(own_redis: RunningRedis) -> None:
    settings = replace(own_redis.settings(a_prefix()), timeout_s=TIMEOUT_S)
    client = redis.client(settings)
    scripts = Scripts(client, settings)
    calls = [scripts.run("acknowledge", f"job_{n}") for n in range(200)]
    with frozen(own_redis.pid):
        async with asyncio.timeout(45):  # far less than all of them wait one after the other
            during = await asyncio.gather(*calls, return_exceptions=True)
            during += await asyncio.gather(*(scripts.run("acknowledge", "x") for _ in range(3)), return_exceptions=True)

    async def answers() -> bool:
        try:
            return await asyncio.gather(*(scripts.run("acknowledge", f"job_{n}") for n in range(9))) == [None] * 9
        except Unavailable:
            return False

    await eventually(answers)
    assert all(isinstance(each, Unavailable) for each in during)
    await client.aclose()
