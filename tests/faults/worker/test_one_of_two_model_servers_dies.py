"""A worker of two model servers: one that dies under its answers leaves them to the other, and none of them fails."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.events import AnswerCompleted
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer, model_server
from tests.support.workers import Hand, Workshop, workshop

SETTINGS = WorkerSettings(name="w1", slots=8, retries_s=("0.05", "0.05", "0.05"))


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


async def test_answers_of_a_server_that_is_killed_are_made_by_the_other(
    place: Workshop, servers: tuple[ModelServer, ModelServer]
) -> None:
    killed, left = servers
    for server in servers:
        server.turn(first_token_ms=20, token_ms=20)
    jobs = [a_prompt(f"Question {number}?") for number in range(40)]
    async with Hand(place) as hand:
        await asyncio.to_thread(place.start, SETTINGS)
        for each in jobs:
            await hand.submit(each)
        await eventually(
            lambda: all(any(seen["state"] == "running" for seen in server.generations()) for server in servers),
            what="answers under way at both",
        )
        killed.process.kill()
        await hand.all_ended(jobs)
        endings = [(await hand.job(each.job_id)).ending for each in jobs]

    assert all(isinstance(each, AnswerCompleted) for each in endings)
    assert len(await asyncio.to_thread(left.generations)) > len(jobs) // 2
