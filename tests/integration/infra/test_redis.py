"""Our client of Redis against a real server: what it promises beyond what redis-py does."""

import asyncio

from infra import redis
from infra.settings import RedisSettings

MOST_TURNS = 12


async def test_a_task_that_is_cancelled_in_mid_command_ends_at_whatever_moment(redis_settings: RedisSettings) -> None:
    client = redis.client(redis_settings, connections=1)
    survived = []

    async def ask() -> None:
        await client.set(f"{redis_settings.prefix}x", "y")

    for turns in range(MOST_TURNS):
        await client.echo("connected")
        asking = asyncio.create_task(ask())
        for _ in range(turns):
            await asyncio.sleep(0)
        if asking.cancel():
            await asyncio.wait([asking])
            survived += [] if asking.cancelled() else [turns]
        assert await client.echo("after") == b"after", "the answer to another command"
    await client.aclose()

    assert survived == []
