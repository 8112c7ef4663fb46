"""A worker dies in mid-answer: the next attempt goes on from the words that readers have, and nobody sees a seam."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from infra.local.tgi.timed.text import answer_words, predicted_text
from producers.events import AnswerCancelled, AnswerCompleted, AnswerFormat, PromptSubmitted, Sampling
from producers.jobs import early, live, stopping
from producers.jobs.live import Entry
from stream_workers.settings import WorkerSettings
from tests.support.builders import CLOCK, a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop

SETTINGS = WorkerSettings(name="w1", slots=64, lease_s=2.0, flush_s=0.001)
LONG_S = "600"


@asynccontextmanager
async def heard(hand: Hand, prompts: list[PromptSubmitted]) -> AsyncIterator[dict[str, list[Entry]]]:
    """What readers of these jobs are told, as it is told."""
    told: dict[str, list[Entry]] = {each.job_id: [] for each in prompts}
    prefix = hand.scripts.prefix
    channels = {live.channel(prefix, job_id): job_id for job_id in told}
    async with hand.client.pubsub() as announcements:
        await announcements.subscribe(*channels)

        async def listen() -> None:
            async for each in announcements.listen():
                if each["type"] == "message":
                    told[channels[each["channel"].decode()]].append(live.parse(each["data"]))

        listening = asyncio.create_task(listen())
        yield told
        listening.cancel()
        await asyncio.wait([listening])


async def asked(tgi: ModelServer, contains: str) -> list[dict[str, Any]]:
    """What the model server was asked for such a prompt, in order."""
    return await asyncio.to_thread(tgi.generations, contains)


async def has_shown(hand: Hand, prompt: PromptSubmitted, tokens: int) -> bool:
    """Whether readers have seen so many tokens."""
    return ((await hand.job(prompt.job_id)).shown_tokens or 0) >= tokens


async def completed(hand: Hand, prompt: PromptSubmitted) -> AnswerCompleted:
    """The job's answer."""
    await hand.all_ended([prompt])
    ending = (await hand.job(prompt.job_id)).ending
    assert isinstance(ending, AnswerCompleted), ending
    return ending


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_worker_killed_at_a_random_token_leaves_the_answer_that_an_undisturbed_one_gives(
    place: Workshop, timed_tgi: ModelServer, seed: int
) -> None:
    rng = random.Random(seed)
    timed_tgi.turn(first_token_ms=20, token_ms=10, answer_tokens=90)
    prompts = [a_prompt(f"Tell tale {number} of {seed}.") for number in range(20)]
    async with Hand(place) as hand, heard(hand, prompts) as told:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        for tokens in (rng.randint(1, 30), rng.randint(35, 60)):
            await eventually(partial(has_shown, hand, rng.choice(prompts), tokens), what=f"{tokens} tokens")
            worker.kill()
            worker = await asyncio.to_thread(place.start, SETTINGS)
        await hand.all_ended(prompts)
        await hand.check_one_visible_result_each(place, prompts)

        went_on = 0
        for number, prompt in enumerate(prompts):
            first, *others = await asked(timed_tgi, f"Tell tale {number} of {seed}.")
            answer = await completed(hand, prompt)
            undisturbed = predicted_text(first["inputs"], 1_000, answer_tokens=90)
            assert answer.text == undisturbed
            assert answer.usage is not None
            assert answer.usage.completion_tokens == 90 + 1  # the end of sequence is counted
            entries = told[prompt.job_id]
            assert live.text_in(each.piece for each in entries if each.piece) == undisturbed
            assert "snapshot" not in {each.kind for each in entries}
            went_on += any(len(each["inputs"]) > len(first["inputs"]) for each in others)
        assert went_on >= len(prompts) // 2
        assert await asyncio.to_thread(worker.terminate) == 0


async def test_a_stop_string_across_the_seam_is_found(place: Workshop, timed_tgi: ModelServer) -> None:
    timed_tgi.turn(first_token_ms=2, token_ms=1)
    scout, prompt = a_prompt("Where does it stop?"), a_prompt("Where does it stop?")
    async with Hand(place) as hand:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await hand.submit(scout)
        words = answer_words((await completed_inputs(hand, timed_tgi, scout)), 24)
        stop = words[6][-2:] + words[7][:4]
        prompt = a_prompt("Where does it stop?", sampling=Sampling(stop=(stop,)))
        # The next one is held when the seventh word has come, whose end may be the beginning of the stop string.
        timed_tgi.order("hold", after_tokens=7, contains="Where does it stop?")
        await hand.submit(prompt)
        await eventually(partial(has_shown, hand, prompt, 6), what="six tokens")
        before = await hand.shown(prompt.job_id)
        worker.kill()
        await asyncio.to_thread(place.start, SETTINGS)
        answer = await completed(hand, prompt)

    assert before == "".join(words[:6])
    assert (answer.text, answer.finish_reason) == ("".join(words).partition(stop)[0], "stop")


async def completed_inputs(hand: Hand, tgi: ModelServer, prompt: PromptSubmitted) -> str:
    """What the model was asked for a prompt that it has answered."""
    await completed(hand, prompt)
    inputs: str = (await asked(tgi, prompt.messages[0].content))[0]["inputs"]
    return inputs


async def test_the_next_attempt_has_what_is_left_of_the_budget(place: Workshop, timed_tgi: ModelServer) -> None:
    timed_tgi.turn(first_token_ms=2, token_ms=1)
    prompt = a_prompt("Ten tokens, please.", sampling=Sampling(max_tokens=10))
    timed_tgi.order("hold", after_tokens=4, contains="Ten tokens")
    async with Hand(place) as hand:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await hand.submit(prompt)
        await eventually(partial(has_shown, hand, prompt, 4), what="four tokens")
        worker.kill()
        await asyncio.to_thread(place.start, SETTINGS)
        answer = await completed(hand, prompt)
        first, second = await asked(timed_tgi, "Ten tokens")

    assert answer.text == predicted_text(first["inputs"], 10)
    assert (first["max_new_tokens"], second["max_new_tokens"]) == (10, 6)
    assert answer.finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 10


async def test_a_worker_that_dies_after_the_last_token_leaves_nothing_to_be_said_twice(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    timed_tgi.turn(first_token_ms=2, token_ms=1)
    prompt = a_prompt("All but the end.")
    timed_tgi.order("hold", after_tokens=24, contains="All but the end.")
    async with Hand(place) as hand:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await hand.submit(prompt)
        await eventually(partial(has_shown, hand, prompt, 24), what="all tokens but the end")
        worker.kill()
        await asyncio.to_thread(place.start, SETTINGS)
        answer = await completed(hand, prompt)
        inputs = (await asked(timed_tgi, "All but the end."))[0]["inputs"]

        assert answer.text == await hand.shown(prompt.job_id) == predicted_text(inputs, 100)
    assert answer.finish_reason == "stop"


async def test_a_try_that_the_server_broke_off_is_gone_on_with_too(place: Workshop, timed_tgi: ModelServer) -> None:
    timed_tgi.turn(first_token_ms=2, token_ms=1)
    prompt = a_prompt("Cut me off.")
    timed_tgi.order("cut", after_tokens=5, times=2, contains="Cut me off.")
    async with Hand(place) as hand, heard(hand, [prompt]) as told:
        await asyncio.to_thread(place.start, replace(SETTINGS, retries_s=("0.1", "0.1", "0.1")))
        await hand.submit(prompt)
        answer = await completed(hand, prompt)
        inputs = (await asked(timed_tgi, "Cut me off."))[0]["inputs"]

    assert answer.text == predicted_text(inputs, 100)
    assert "snapshot" not in {each.kind for each in told[prompt.job_id]}


async def test_a_cancel_between_two_tries_leaves_what_was_shown(place: Workshop, timed_tgi: ModelServer) -> None:
    timed_tgi.turn(first_token_ms=2, token_ms=1)
    prompt = a_prompt("Broken off, then unwanted.")
    timed_tgi.order("cut", after_tokens=5, contains="Broken off")
    async with Hand(place) as hand, heard(hand, [prompt]):
        await asyncio.to_thread(place.start, replace(SETTINGS, retries_s=(LONG_S,)))
        await hand.submit(prompt)

        async def waits() -> bool:
            return (await hand.job(prompt.job_id)).status == "queued" and await has_shown(hand, prompt, 1)

        await eventually(waits, what="the wait for the next try")
        job = await hand.job(prompt.job_id)
        blind = await hand.intake.stop(prompt.job_id, early.cancelled(job, CLOCK.now_ms()), running_too=True)
        found, ending = await stopping.stop(
            hand.scripts,
            hand.intake,
            replace(job, shown_tokens=None),
            lambda it, shown: early.cancelled(it, CLOCK.now_ms(), shown),
            running_too=True,
        )
        shown = await hand.shown(prompt.job_id)

    assert (blind.found, found.found) == ("shown", "finishing")
    assert isinstance(ending, AnswerCancelled)
    assert (ending.ran, ending.text) == (True, shown)
    assert shown


@pytest.mark.parametrize(
    ("fields", "continues"),
    [
        ({"format": AnswerFormat()}, True),
        ({"sampling": Sampling(n=2, temperature=0.5, seed=7)}, True),
        ({}, False),
    ],
    ids=["a grammar", "several choices", "a server that cannot go on"],
)
async def test_where_nobody_could_go_on_readers_see_nothing_before_the_whole(
    place: Workshop, timed_tgi: ModelServer, fields: dict[str, Any], *, continues: bool
) -> None:
    timed_tgi.turn(first_token_ms=2, token_ms=1)
    prompt = a_prompt("All or nothing.", **fields)
    place.tgi = replace(place.tgi, continues=continues)
    timed_tgi.order("hold", after_tokens=3, contains="All or nothing.")
    async with Hand(place) as hand, heard(hand, [prompt]) as told:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await hand.submit(prompt)

        async def is_held() -> bool:
            return [each["tokens"] for each in await asked(timed_tgi, "All or nothing.")] == [3]

        await eventually(is_held, what="a held answer")
        before = (await hand.job(prompt.job_id)).shown_tokens
        worker.kill()
        await asyncio.to_thread(place.start, SETTINGS)
        answer = await completed(hand, prompt)
        first, second, *_ = await asked(timed_tgi, "All or nothing.")
        entries = told[prompt.job_id]

    assert before is None
    assert first["inputs"] == second["inputs"]
    assert "snapshot" not in {each.kind for each in entries}
    assert live.text_in(each.piece for each in entries if each.piece) == answer.text
