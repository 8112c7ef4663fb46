"""Model servers are given what they take: no more than they answer, nothing while they break off, then all again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.events import AnswerCompleted, PromptSubmitted
from stream_workers.inference.fleet import name_of
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer, model_server
from tests.support.scrape import scrape
from tests.support.workers import Hand, RunningWorker, Workshop, workshop

SETTINGS = WorkerSettings(name="w1", slots=24, retries_s=("0.2",) * 6)


@pytest.fixture
def servers() -> Iterator[tuple[ModelServer, ModelServer]]:
    with model_server("--timed") as first, model_server("--timed") as second:
        yield first, second


@pytest.fixture
def place(
    tmp_path: Path, kafka_settings: KafkaSettings, redis_settings: RedisSettings, servers: tuple[ModelServer, ...]
) -> Iterator[Workshop]:
    urls = ",".join(each.url for each in servers)
    with workshop(tmp_path, kafka_settings, redis_settings, urls) as found:
        yield found


async def shown(worker: RunningWorker, sample: str, server: ModelServer, **labels: str) -> float:
    """A metric of the worker's about one server."""
    said = {"server": name_of(server.url), **labels}
    inner = ",".join(f'{name}="{value}"' for name, value in sorted(said.items()))
    return (await scrape(worker.metrics)).get(f"headrace_server_{sample}{{{inner}}}", 0.0)


async def all_answered(hand: Hand, prompts: list[PromptSubmitted]) -> None:
    await hand.all_ended(prompts)
    endings = [(await hand.job(each.job_id)).ending for each in prompts]
    assert [each for each in endings if not isinstance(each, AnswerCompleted)] == []


async def test_a_server_that_refuses_above_some_number_is_given_about_that_many(
    place: Workshop, servers: tuple[ModelServer, ModelServer]
) -> None:
    small, _ = servers
    place.tgi = type(place.tgi)(url=small.url)
    small.turn(first_token_ms=20, token_ms=10, room=6)
    prompts = [a_prompt(f"Question {number}?") for number in range(120)]
    async with Hand(place) as hand:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        await eventually(lambda: len(small.generations("Question")) >= 60, what="half of the answers")
        given = await shown(worker, "seats", small)
        await all_answered(hand, prompts)
        refusals = await shown(worker, "outcomes_total", small, outcome="busy")
        answers = await shown(worker, "outcomes_total", small, outcome="answered")

    assert 4 <= given <= 8
    assert answers == len(prompts)
    assert 0 < refusals < len(prompts) / 2


async def test_a_server_whose_answers_are_garbage_is_left_alone_and_the_other_answers(
    place: Workshop, servers: tuple[ModelServer, ModelServer]
) -> None:
    bad, good = servers
    for each in servers:
        each.turn(first_token_ms=5, token_ms=2)
    bad.turn(garbage_rate=1.0)
    prompts = [a_prompt(f"Question {number}?") for number in range(80)]
    async with Hand(place) as hand:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        await all_answered(hand, prompts)
        garbled = await shown(worker, "outcomes_total", bad, outcome="garbled")
        answered = await shown(worker, "outcomes_total", good, outcome="answered")

        await asyncio.to_thread(bad.turn, garbage_rate=0.0)
        later = [a_prompt(f"Later {number}?") for number in range(40)]

        async def is_trusted() -> bool:
            prompt = a_prompt("Better now?")
            await hand.submit(prompt)
            await hand.all_ended([prompt])
            return await shown(worker, "state", bad, state="there") == 1.0

        await eventually(is_trusted, what="a server that is given prompts again")
        await asyncio.gather(*(hand.submit(each) for each in later))
        await all_answered(hand, later)

    assert answered == len(prompts)
    assert 5 <= garbled < len(prompts) / 2
    assert bad.generations("Later")


async def test_while_both_are_dead_no_attempt_is_burnt_and_both_are_used_again_after_that(
    place: Workshop, servers: tuple[ModelServer, ModelServer]
) -> None:
    for each in servers:
        each.turn(first_token_ms=5, token_ms=2, down=True)
    prompts = [a_prompt(f"Question {number}?") for number in range(60)]
    async with Hand(place) as hand:
        worker = await asyncio.to_thread(place.start, SETTINGS)
        await asyncio.gather(*(hand.submit(each) for each in prompts))
        for each in servers:

            async def is_away(server: ModelServer = each) -> bool:
                return await shown(worker, "state", server, state="away") == 1.0

            await eventually(is_away, what="a server that is away")
        asked = sum([len(each.generations("Question")) for each in servers])
        for each in servers:
            await asyncio.to_thread(each.turn, down=False)
        await all_answered(hand, prompts)
        used = [len(each.generations("Question")) for each in servers]

    assert asked <= 2 * SETTINGS.slots, "a server that is gone is seen to be so by what was under way"
    assert all(used)
