"""Workers join, leave and die while answers are being made."""

import asyncio
import itertools
import time
from dataclasses import replace
from functools import partial

from producers.events import PromptSubmitted
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop, answers

SETTINGS = WorkerSettings(slots=64)
LONGEST_STALL_MS = 30_000.0


async def test_a_worker_that_joins_in_mid_answer_stalls_nobody_for_long_and_nothing_is_lost_or_doubled(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    timed_tgi.turn(first_token_ms=5, token_ms=1, answer_tokens=4)
    timed_tgi.order("hold", after_tokens=2, times=20, contains="A long story")
    first = await asyncio.to_thread(place.start, SETTINGS)
    slow = [a_prompt(f"A long story, number {number}.") for number in range(20)]
    async with Hand(place) as hand:
        await asyncio.gather(*(hand.submit(each) for each in slow))
        await eventually(partial(begun, timed_tgi, "A long story", len(slow)), what="the long stories")
        done = asyncio.Event()
        steady = asyncio.create_task(submit_steadily(hand, done))

        second = await asyncio.to_thread(place.start, SETTINGS)
        await eventually(partial(answering, place, 2), what="both workers answering")
        done.set()
        quick = await steady
        await hand.all_ended(quick)  # they wait for none of those that go on
        assert timed_tgi.release("A long story") == len(slow)
        await hand.all_ended(slow)

        await hand.check_one_visible_result_each(place, [*slow, *quick])
        # What was being made went on where it was; an ending may be published twice, and the first by offset counts.
        assert len(await asyncio.to_thread(timed_tgi.generations, "A long story")) == len(slow)
        jobs = [await hand.job(each.job_id) for each in quick]
        slowest = max(jobs, key=lambda job: job.times["visible"] - job.times["acknowledged"])
        assert slowest.times["visible"] - slowest.times["acknowledged"] < LONGEST_STALL_MS, slowest.times
    assert await asyncio.to_thread(first.terminate) == 0
    assert await asyncio.to_thread(second.terminate) == 0


async def test_a_worker_that_leaves_lets_its_answers_end_and_the_others_go_on(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    timed_tgi.turn(first_token_ms=20, token_ms=100, answer_tokens=12)
    leaving = await asyncio.to_thread(place.start, SETTINGS)
    staying = await asyncio.to_thread(place.start, SETTINGS)
    prompts = [a_prompt(f"A story, number {number}.") for number in range(20)]
    async with Hand(place) as hand:
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        await eventually(partial(begun, timed_tgi, "A story", 1), what="the first stories")
        assert await asyncio.to_thread(leaving.terminate) == 0
        await hand.all_ended(prompts)

        log = await hand.check_one_visible_result_each(place, prompts)
        assert set(log.times_by_job.values()) <= {1, 2}  # the first by offset counts
    assert await asyncio.to_thread(staying.terminate) == 0


async def test_a_named_worker_that_comes_back_after_a_kill_has_its_partitions_at_once(place: Workshop) -> None:
    settings = replace(SETTINGS, name="w1", session_timeout_s=80.0, lease_s=1.0)
    doomed = await asyncio.to_thread(place.start, settings)
    await asyncio.to_thread(doomed.kill)
    killed_s, prompt = time.monotonic(), a_prompt("Who is there?")
    async with Hand(place) as hand:
        await hand.submit(prompt)
        await asyncio.to_thread(place.start, settings)
        await hand.all_ended([prompt])
    assert time.monotonic() - killed_s < settings.session_timeout_s


async def submit_steadily(hand: Hand, done: asyncio.Event) -> list[PromptSubmitted]:
    """About ten prompts a second."""
    submitted: list[PromptSubmitted] = []
    for number in itertools.count():
        if done.is_set():
            return submitted
        submitted.append(a_prompt(f"Quickly, number {number}."))
        await hand.submit(submitted[-1])
        await asyncio.sleep(0.1)
    raise AssertionError("unreachable")


async def begun(tgi: ModelServer, contains: str, count: int) -> bool:
    """Whether so many generations have begun."""
    return len(await asyncio.to_thread(tgi.generations, contains)) >= count


async def answering(place: Workshop, workers: int) -> bool:
    """Whether so many workers have answered something."""
    log = await asyncio.to_thread(answers, place.kafka)
    return len({ending.worker for ending in log.events}) == workers
