"""A worker that is told to stop gives back what it cannot end in time: nobody waits for its lease, and nobody died."""

import asyncio
from functools import partial

from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop

SETTINGS = WorkerSettings(name="w1", lease_s=120.0)


async def test_an_answer_that_outlasts_a_stop_is_begun_anew_at_once_by_the_next_worker(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    prompt = a_prompt("A story longer than a deploy.")
    place.drain_s = 12.0
    timed_tgi.order("hold", after_tokens=2, contains="longer than")
    async with Hand(place) as hand:
        await hand.submit(prompt)
        stopped = await asyncio.to_thread(place.start, SETTINGS)
        await eventually(partial(held, timed_tgi), what="the held generation")
        assert await asyncio.to_thread(stopped.terminate) == 0
        await asyncio.to_thread(place.start, SETTINGS)
        await hand.all_ended([prompt], within_s=45.0)  # far less than the lease

        await hand.check_one_visible_result_each(place, [prompt])
        assert (await hand.job(prompt.job_id)).attempt == 2


async def held(tgi: ModelServer) -> bool:
    return "held" in [each["state"] for each in await asyncio.to_thread(tgi.generations, "longer than")]
