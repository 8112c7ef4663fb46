"""The one subscription of a gateway: with more readers than its connection takes at once, and what an end tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from gateway.http.problems import Problem
from gateway.readers.following import Following
from gateway.readers.listeners import Listener
from gateway.readers.live import Live
from infra import redis
from infra.settings import RedisSettings
from producers.events import PromptSubmitted
from producers.jobs import live, record
from producers.jobs.record import ended_by
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.eventually import eventually
from tests.support.life import QUOTA, House, a_house

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
            await eventually(lambda: all_heard(late))
        missing = await unheard(late)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    await scripts.redis.aclose()

    assert missing == 0, f"{missing} of {len(late)} readers were never subscribed"


@pytest.mark.parametrize("is_told", [True, False], ids=["short", "long"])
@pytest.mark.parametrize("how", ["reading", "waiting"])
async def test_who_waits_for_an_ending_is_told_it_with_the_end_unless_it_is_long(
    redis_settings: RedisSettings, how: str, *, is_told: bool
) -> None:
    prompt = a_prompt()
    answer = a_completed(prompt, "Rayleigh scattering. \u2600" if is_told else "x" * 70_000)
    async with (
        a_house(redis_settings) as house,
        a_listener(redis_settings, house, prompt, how) as (listener, following),
    ):
        await house.intake.accept(prompt, QUOTA)
        await house.settling.settle(answer, 0, 0, CLOCK.now_ms())
        entries, heard = await following.heard(listener, 45.0, ending_only=True)
        stored = await record.read(house.scripts, prompt.job_id)

    assert [bool(each.value) for each in entries] == [is_told]
    assert stored is not None
    assert heard == (ended_by(answer, stored.seq) if is_told else stored)


async def test_an_ending_that_was_to_be_forgotten_is_not_announced(redis_settings: RedisSettings) -> None:
    prompt = a_prompt()
    async with a_house(redis_settings) as house, a_listener(redis_settings, house, prompt, "reading") as (listener, _):
        await house.intake.accept(prompt, QUOTA)
        await record.forget(house.scripts, prompt.job_id, Retention())
        await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())
        entries = await listener.more(45.0)

    assert [(each.kind, each.value) for each in entries] == [("done", "")]


@pytest.mark.parametrize("how", ["reading", "waiting"])
async def test_of_an_ended_job_that_was_deleted_nothing_is_waited_for(redis_settings: RedisSettings, how: str) -> None:
    prompt = a_prompt()
    async with (
        a_house(redis_settings) as house,
        a_listener(redis_settings, house, prompt, how) as (listener, following),
    ):
        await house.intake.accept(prompt, QUOTA)
        await house.settling.settle(a_completed(prompt, "x" * 70_000), 0, 0, CLOCK.now_ms())
        await record.forget(house.scripts, prompt.job_id, Retention())
        with pytest.raises(Problem) as told:
            await following.heard(listener, 5.0)

    assert told.value.status == 410


@asynccontextmanager
async def a_listener(
    redis_settings: RedisSettings, house: House, prompt: PromptSubmitted, how: str
) -> AsyncIterator[tuple[Listener, Following]]:
    """Who is subscribed to a job, and what goes on to read it."""
    subscription = Live(redis_settings, house.scripts)
    channel = live.channel if how == "reading" else live.channel_of_end
    following = Following(house.scripts, subscription, asyncio.Event(), 15.0)
    listening = asyncio.create_task(subscription.run())

    async def is_heard(name: str) -> bool:
        return bool((await house.scripts.redis.pubsub_numsub(name))[0][1])

    await eventually(lambda: is_heard(f"{redis_settings.prefix}live"))
    async with getattr(subscription, how)(prompt.job_id, fresh=True) as listener:
        await eventually(lambda: is_heard(channel(redis_settings.prefix, prompt.job_id)))
        yield listener, following
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
