"""Workers join, leave and die while answers are being made."""

import asyncio
import itertools
from dataclasses import replace

from producers.events import PromptSubmitted
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop

SETTINGS = WorkerSettings(slots=64)
LONGEST_STALL_S = 5.0


async def test_a_worker_that_joins_in_mid_answer_stalls_nobody_for_long_and_nothing_is_lost_or_doubled(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    timed_tgi.turn(first_token_ms=20, token_ms=100)
    first = await asyncio.to_thread(place.start, SETTINGS)
    slow = [a_prompt(f"A long story, number {number}.") for number in range(40)]
    async with Hand(place) as hand:
        await asyncio.gather(*(hand.submit(each) for each in slow))
        timed_tgi.turn(first_token_ms=5, token_ms=1)
        done = asyncio.Event()
        steady = asyncio.create_task(submit_steadily(hand, done))

        second = await asyncio.to_thread(place.start, SETTINGS)
        await asyncio.sleep(0.5)
        done.set()
        quick = await steady
        await hand.all_ended([*slow, *quick])

        log = await hand.check_one_visible_result_each(place, [*slow, *quick])
        assert set(log.times_by_job.values()) == {1}
        waits_s = [await wait_s(hand, each) for each in quick]
        assert max(waits_s) < LONGEST_STALL_S
        assert len({ending.worker for ending in log.first_by_job.values()}) == 2
    assert await asyncio.to_thread(first.terminate) == 0
    assert await asyncio.to_thread(second.terminate) == 0


async def test_a_worker_that_leaves_lets_its_answers_end_and_the_others_go_on(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    timed_tgi.turn(first_token_ms=20, token_ms=20)
    leaving = await asyncio.to_thread(place.start, SETTINGS)
    staying = await asyncio.to_thread(place.start, SETTINGS)
    prompts = [a_prompt(f"A story, number {number}.") for number in range(40)]
    async with Hand(place) as hand:
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        assert await asyncio.to_thread(leaving.terminate) == 0
        await hand.all_ended(prompts)

        log = await hand.check_one_visible_result_each(place, prompts)
        assert set(log.times_by_job.values()) == {1}
    assert await asyncio.to_thread(staying.terminate) == 0


async def test_a_named_worker_that_comes_back_after_a_kill_has_its_partitions_at_once(place: Workshop) -> None:
    settings = replace(SETTINGS, name="w1", session_timeout_s=30.0, lease_s=1.0)
    doomed = await asyncio.to_thread(place.start, settings)
    await asyncio.to_thread(doomed.kill)
    prompt = a_prompt("Who is there?")
    async with Hand(place) as hand:
        await hand.submit(prompt)
        await asyncio.to_thread(place.start, settings)
        await hand.all_ended([prompt], within_s=5.0)


async def submit_steadily(hand: Hand, done: asyncio.Event) -> list[PromptSubmitted]:
    """One prompt every 50 ms."""
    submitted: list[PromptSubmitted] = []
    for number in itertools.count():
        if done.is_set():
            return submitted
        submitted.append(a_prompt(f"Quickly, number {number}."))
        await hand.submit(submitted[-1])
        await asyncio.sleep(0.05)
    raise AssertionError("unreachable")


async def wait_s(hand: Hand, prompt: PromptSubmitted) -> float:
    """From the gateway's acceptance to the visible end."""
    times = (await hand.job(prompt.job_id)).times
    return (times["visible"] - times["accepted"]) / 1000
