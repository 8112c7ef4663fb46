"""The one subscription of a gateway, with more readers than its connection takes at once."""

import asyncio
from contextlib import AsyncExitStack, suppress

from gateway.live import Live
from infra import redis
from infra.settings import RedisSettings
from producers.jobs import live
from producers.jobs.scripts import Scripts
from tests.support.eventually import eventually

LONG = "x" * 4000
"""Makes the names of the channels long, so that subscribing to them all takes many turns of the loop."""


async def test_a_reader_that_joins_while_many_are_subscribed_is_subscribed_too(redis_settings: RedisSettings) -> None:
    scripts = Scripts(redis.client(redis_settings), redis_settings)
    subscription = Live(redis_settings, scripts)
    early, late = [f"early{n}{LONG}" for n in range(1500)], list[str]()

    async def unheard(job_ids: list[str]) -> int:
        channels = [live.channel(redis_settings.prefix, each) for each in job_ids]
        return [count for _, count in await scripts.redis.pubsub_numsub(*channels)].count(0)

    async def all_heard(job_ids: list[str]) -> bool:
        return not await unheard(job_ids)

    async with AsyncExitStack() as reading:
        for each in early:
            await reading.enter_async_context(subscription.reading(each))
        listening = asyncio.create_task(subscription.run())
        begun = asyncio.create_task(eventually(lambda: all_heard(early[:1])))
        while not begun.done():
            late.append(f"late{len(late)}")
            await reading.enter_async_context(subscription.reading(late[-1]))
            await asyncio.sleep(0)
        await begun
        await eventually(lambda: all_heard(early))
        with suppress(AssertionError):
            await eventually(lambda: all_heard(late), within_s=1.0)
        missing = await unheard(late)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    await scripts.redis.aclose()

    assert missing == 0, f"{missing} of {len(late)} readers were never subscribed"
