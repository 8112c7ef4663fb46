"""SIGKILL right after each step of a job's life, with 60 jobs in flight: each ends in exactly one visible result."""

import asyncio
from dataclasses import replace

import pytest

from stream_workers.settings import DEATHS, WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop

JOBS = 60
SETTINGS = WorkerSettings(name="w1", slots=64, lease_s=2.0)


@pytest.mark.parametrize("step", DEATHS)
async def test_a_worker_killed_right_after_a_step_leaves_every_job_with_one_visible_result(
    place: Workshop, timed_tgi: ModelServer, step: str
) -> None:
    timed_tgi.turn(first_token_ms=20, token_ms=5)
    doomed = await asyncio.to_thread(place.start, replace(SETTINGS, die_after=f"{step}:20"))
    prompts = [a_prompt(f"What is the number {number}?") for number in range(JOBS)]
    async with Hand(place) as hand:
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        await eventually(lambda: doomed.process.poll() is not None, within_s=90, what="the death")
        assert doomed.process.returncode == -9, doomed.log.read_text()

        survivor = await asyncio.to_thread(place.start, SETTINGS)
        await hand.all_ended(prompts)

        await hand.check_one_visible_result_each(place, prompts)
        assert await hand.scripts.redis.scard(f"{place.redis.prefix}inflight:key_1") == 0
    assert await asyncio.to_thread(survivor.terminate) == 0


async def test_a_worker_killed_once_all_is_acknowledged_leaves_nothing_to_be_done_again(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    timed_tgi.turn(first_token_ms=5, token_ms=1)
    doomed = await asyncio.to_thread(place.start, SETTINGS)
    prompts = [a_prompt(f"Asked once, number {number}.") for number in range(JOBS)]
    last = a_prompt("Asked after all the others.")
    async with Hand(place) as hand:
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        await hand.all_ended(prompts)

        async def all_acknowledged() -> bool:
            return sum((await place.committed()).values()) == JOBS

        await eventually(all_acknowledged, what="the acknowledgements")
        await asyncio.to_thread(doomed.kill)
        await asyncio.to_thread(place.start, SETTINGS)
        await hand.submit(last)
        await hand.all_ended([last])
        log = await hand.check_one_visible_result_each(place, [*prompts, last])

    assert set(log.times_by_job.values()) == {1}
    assert len(await asyncio.to_thread(timed_tgi.generations, "Asked")) == JOBS + 1
