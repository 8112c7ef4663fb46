"""A worker process answers prompts on real Kafka and Redis, with the timed model server."""

import asyncio

from producers.events import AnswerCompleted
from producers.jobs import live
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.workers import Hand, Workshop, answers


async def test_a_prompt_is_answered_shown_published_and_made_visible(place: Workshop) -> None:
    worker = await asyncio.to_thread(place.start, WorkerSettings(name="w1"))
    prompt = a_prompt("Why is the sky blue?")
    async with Hand(place) as hand:
        await hand.submit(prompt)
        await eventually(lambda: hand.ended(prompt.job_id))

        job = await hand.job(prompt.job_id)
        shown = live.text_of(await live.entries_after(hand.scripts, prompt.job_id))
    log = await asyncio.to_thread(answers, place.kafka)
    assert await asyncio.to_thread(worker.terminate) == 0

    assert job.status == "completed"
    ending = log.first_by_job[prompt.job_id]
    assert isinstance(ending, AnswerCompleted)
    assert ending.text == shown != ""
    assert ending.usage is not None
    assert ending.worker == "w1"
    assert list(ending.timeline) == ["received", "accepted", "acknowledged", "claimed", "first_token", "finished"]
