"""Redis and Kafka go away or lose what they had, and the views wait and go on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from producers.log.topics import ANSWERS
from producers.state.view import is_whole
from tests.integration.views.conftest import House, a_house, following
from tests.support.builders import a_completed, a_prompt
from tests.support.eventually import eventually
from tests.support.stack import RunningKafka, RunningRedis, a_prefix

ROUND = 40


@pytest.fixture
async def alone(kafka: RunningKafka, own_redis: RunningRedis) -> AsyncIterator[House]:
    """A house with a Redis of its own."""
    async with a_house(kafka.settings(a_prefix()), own_redis.settings(a_prefix())) as built:
        yield built


@pytest.fixture
async def apart(own_kafka: RunningKafka, own_redis: RunningRedis) -> AsyncIterator[House]:
    """A house with a broker and a Redis of its own."""
    async with a_house(own_kafka.settings(a_prefix()), own_redis.settings(a_prefix())) as built:
        yield built


async def answer_one(house: House, number: int) -> str:
    prompt = a_prompt(f"question {number}", conversation=f"conv_{number % 5}")
    await house.parts.publisher.submit(prompt)
    await house.parts.publisher.publish(ANSWERS, prompt.job_id, a_completed(prompt, f"answer to {prompt.job_id}"))
    return prompt.job_id


async def are_completed(house: House, jobs: list[str]) -> None:
    for each in jobs:
        await house.comes_to(each, "completed")
        job = await house.job(each)
        assert job is not None
        assert job.ending is not None
        assert job.ending.text == f"answer to {each}"


@pytest.mark.timeout(300)
async def test_a_redis_emptied_in_mid_load_is_whole_again(alone: House) -> None:
    async with following(alone.state_view()):
        jobs: list[str] = []
        for _ in range(3):
            saying = asyncio.gather(*(answer_one(alone, number) for number in range(ROUND)))
            jobs += [await answer_one(alone, 0)]
            await alone.scripts.redis.flushall()
            jobs += await saying

        await are_completed(alone, jobs)
        await eventually(lambda: is_whole(alone.scripts))


@pytest.mark.timeout(300)
async def test_a_redis_that_is_killed_in_mid_load_is_waited_for(alone: House, own_redis: RunningRedis) -> None:
    async with following(alone.state_view()):
        jobs = [await answer_one(alone, number) for number in range(10)]
        own_redis.kill()
        jobs += await asyncio.gather(*(answer_one(alone, number) for number in range(ROUND)))
        await own_redis.started()
        await alone.scripts.redis.connection_pool.disconnect()  # this test's own are stale
        jobs += [await answer_one(alone, number) for number in range(10)]

        await are_completed(alone, jobs)


@pytest.mark.timeout(300)
async def test_a_broker_that_restarts_is_waited_for(apart: House, own_kafka: RunningKafka) -> None:
    async with following(apart.state_view()):
        jobs = [await answer_one(apart, number) for number in range(20)]
        await are_completed(apart, jobs)
        await own_kafka.restarted()

        again = await asyncio.wait_for(_once_it_answers(apart), 40)
        await are_completed(apart, [*jobs, again])


@pytest.mark.timeout(300)
async def test_two_members_share_the_partitions_and_one_takes_over(alone: House) -> None:
    async with following(alone.state_view()):
        async with following(alone.state_view()):
            jobs = [await answer_one(alone, number) for number in range(20)]
            await are_completed(alone, jobs)
        jobs = [await answer_one(alone, number) for number in range(20)]
        await are_completed(alone, jobs)
        await eventually(lambda: is_whole(alone.scripts))


async def _once_it_answers(house: House) -> str:
    while True:
        try:
            return await answer_one(house, 0)
        except Exception:  # the broker is coming up
            await asyncio.sleep(0.2)
