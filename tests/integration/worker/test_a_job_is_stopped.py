"""A cancel or a deadline stops a running generation down to the model server, and keeps what was shown."""

import asyncio
from functools import partial

from producers.events import AnswerCancelled, AnswerExpired, PromptSubmitted
from producers.limits import spending
from tests.support.builders import CLOCK, a_cancelled, a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop, answers


async def test_a_cancelled_job_stops_on_the_model_server_and_keeps_what_was_shown(
    place: Workshop, tgi: ModelServer
) -> None:
    prompt = a_prompt("A story to be cancelled.")
    tgi.order("hold", after_tokens=3, contains="to be cancelled")
    async with Hand(place) as hand:
        await running(hand, tgi, prompt, "to be cancelled")

        async def three_words_are_shown() -> bool:
            return len((await hand.shown(prompt.job_id)).split()) == 3

        await eventually(three_words_are_shown, what="the text before the cancel")
        stopped = await hand.intake.stop(prompt.job_id, a_cancelled(prompt), running_too=True)
        assert stopped.found == "running"
        await hand.all_ended([prompt])

        job, shown = await hand.job(prompt.job_id), await hand.shown(prompt.job_id)
    assert job.status == "cancelled"
    assert isinstance(job.ending, AnswerCancelled)
    assert (job.ending.ran, job.ending.text) == (True, shown)
    assert len(shown.split()) == 3
    await eventually(partial(closed, tgi, "to be cancelled"), what="the generation's end")


async def test_a_job_that_is_cancelled_before_its_first_token_ran_all_the_same(
    place: Workshop, tgi: ModelServer
) -> None:
    prompt = a_prompt("A story never begun.")
    tgi.order("hold", after_tokens=0, contains="never begun")
    async with Hand(place) as hand:
        await running(hand, tgi, prompt, "never begun")
        await hand.intake.stop(prompt.job_id, a_cancelled(prompt), running_too=True)
        await hand.all_ended([prompt])
        job = await hand.job(prompt.job_id)
    assert job.status == "cancelled"
    assert isinstance(job.ending, AnswerCancelled)
    assert (job.ending.ran, job.ending.text) == (True, "")
    assert "started" in job.times
    assert job.ending.usage is not None, "the model server was given the prompt"
    assert (job.ending.usage.prompt_tokens > 0, job.ending.usage.completion_tokens) == (True, 0)
    assert spending.spent(job.ending) == job.ending.usage.prompt_tokens


async def test_a_deadline_that_passes_in_mid_answer_ends_the_job_as_expired(place: Workshop, tgi: ModelServer) -> None:
    prompt = a_prompt("A story without end.", deadline_ms=CLOCK.now_ms() + 600_000)
    tgi.order("hold", after_tokens=2, contains="without end")
    async with Hand(place) as hand:
        await running(hand, tgi, prompt, "without end")

        async def two_words_are_shown() -> bool:
            return len((await hand.shown(prompt.job_id)).split()) == 2

        await eventually(two_words_are_shown, what="the text before the deadline")
        its_hash = f"{hand.scripts.prefix}job:{prompt.job_id}"
        await hand.scripts.redis.hset(its_hash, "deadline_ms", str(CLOCK.now_ms()))  # as if it had come by now
        await hand.all_ended([prompt])

        job, shown = await hand.job(prompt.job_id), await hand.shown(prompt.job_id)
    assert job.status == "expired"
    assert isinstance(job.ending, AnswerExpired)
    assert job.ending.text == shown != ""
    await eventually(partial(closed, tgi, "without end"), what="the generation's end")


async def test_a_deadline_that_passed_in_the_queue_never_reaches_the_model_server(
    place: Workshop, tgi: ModelServer
) -> None:
    prompt = a_prompt("Too late a question.", deadline_ms=CLOCK.now_ms() - 1)
    async with Hand(place) as hand:
        await hand.submit(prompt)
        await hand.all_ended([prompt])
        job = await hand.job(prompt.job_id)
    assert job.status == "expired"
    assert "started" not in job.times, "it never ran"
    assert await asyncio.to_thread(tgi.generations, "Too late") == []


async def test_a_record_that_comes_after_its_job_was_aborted_gets_its_end_in_the_log(
    place: Workshop, tgi: ModelServer
) -> None:
    prompt = a_prompt("Nobody promised this one.")
    async with Hand(place) as hand:
        await hand.accept(prompt)
        assert await hand.intake.abort(prompt.job_id, older_than_ms=-1)
        await hand.publisher.submit(prompt)

        async def is_told() -> bool:
            return prompt.job_id in (await asyncio.to_thread(answers, place.kafka)).first_by_job

        await eventually(is_told, within_s=45, what="its end in the log")
    ending = (await asyncio.to_thread(answers, place.kafka)).first_by_job[prompt.job_id]
    assert isinstance(ending, AnswerCancelled)
    assert not ending.ran
    assert await asyncio.to_thread(tgi.generations, "Nobody promised") == []


async def test_workers_wait_while_the_view_of_the_log_is_not_whole(place: Workshop, tgi: ModelServer) -> None:
    prompt = a_prompt("A question in the meantime.")
    async with Hand(place) as hand:
        await hand.mark_whole(is_whole=False)
        await hand.publisher.submit(prompt)
        await asyncio.sleep(1.0)
        assert await asyncio.to_thread(tgi.generations, "in the meantime") == []
        await hand.mark_whole(is_whole=True)
        await eventually(partial(hand.known_and_ended, prompt.job_id))


async def running(hand: Hand, tgi: ModelServer, prompt: PromptSubmitted, contains: str) -> None:
    """Submit the prompt and wait until its generation is held."""
    await hand.submit(prompt)

    async def held() -> bool:
        return [each["state"] for each in await asyncio.to_thread(tgi.generations, contains)] == ["held"]

    await eventually(held, what="the held generation")


async def closed(tgi: ModelServer, contains: str) -> bool:
    return [each["state"] for each in await asyncio.to_thread(tgi.generations, contains)] == ["closed"]
