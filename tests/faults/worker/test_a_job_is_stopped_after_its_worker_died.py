"""A job that is cancelled after its worker died: nobody has counted what that worker took."""

import asyncio

from producers.events import AnswerCancelled
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_cancelled, a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop

SETTINGS = WorkerSettings(name="w1", lease_s=2.0)
HELD = 5_000


async def test_a_job_that_is_cancelled_after_its_worker_died_is_charged_what_was_held_back_for_it(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    prompt = a_prompt("Nobody counted this.", reserved_tokens=HELD)
    timed_tgi.order("hold", after_tokens=0, contains="Nobody counted")
    doomed = await asyncio.to_thread(place.start, SETTINGS)

    async def held() -> bool:
        seen = await asyncio.to_thread(timed_tgi.generations, "Nobody counted")
        return [each["state"] for each in seen] == ["held"]

    async with Hand(place) as hand:
        await hand.submit(prompt)
        await eventually(held, within_s=90, what="the held generation")
        await asyncio.to_thread(doomed.kill)
        stopped = await hand.intake.stop(prompt.job_id, a_cancelled(prompt), running_too=True)
        survivor = await asyncio.to_thread(place.start, SETTINGS)
        await hand.all_ended([prompt])

        ending = (await hand.job(prompt.job_id)).ending
        day = int(prompt.received_ms // 86_400_000)
        spent = int(await hand.client.hget(f"{place.redis.prefix}spent:{day}", prompt.key_id) or 0)
    assert stopped.found == "running"
    assert isinstance(ending, AnswerCancelled)
    assert (ending.attempt, ending.text, ending.usage) == (2, "", None), "the GPU has read it, and nobody says how much"
    assert spent == HELD
    assert await asyncio.to_thread(survivor.terminate) == 0
