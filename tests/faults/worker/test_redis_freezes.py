"""Redis falls silent for several time-outs with jobs under way, and nobody is blamed for it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from producers.events import AnswerCompleted
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.model_servers import ModelServer
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.workers import Hand, Workshop, workshop

TIMEOUT_S = 0.5


@pytest.fixture
def apart(tmp_path: Path, kafka: RunningKafka, own_redis: RunningRedis, timed_tgi: ModelServer) -> Iterator[Workshop]:
    """A workshop with a Redis of its own, and a worker that is soon out of patience with it."""
    timed_tgi.reset()
    timed_tgi.turn(first_token_ms=50, token_ms=5)
    settings = replace(own_redis.settings(a_prefix()), timeout_s=TIMEOUT_S)
    with workshop(tmp_path, kafka.settings(a_prefix()), settings, timed_tgi.url) as place:
        place.start(WorkerSettings(name="w1", slots=4))
        yield place


@pytest.mark.timeout(300)
async def test_jobs_under_way_complete_after_a_freeze_and_none_is_poison(
    apart: Workshop, own_redis: RunningRedis
) -> None:
    jobs = [a_prompt(f"question {number}", tenant=f"t{number % 8}") for number in range(60)]
    async with Hand(replace(apart, redis=replace(apart.redis, timeout_s=10.0))) as hand:
        await asyncio.gather(*(hand.submit(each) for each in jobs))
        await eventually(lambda: hand.ended(jobs[0].job_id), what="a job's end")
        with frozen(own_redis.pid):
            await asyncio.sleep(3.5 * TIMEOUT_S)  # the freeze itself, no wait for luck
        await hand.all_ended(jobs, within_s=40)

        found = [await hand.job(each.job_id) for each in jobs]
    assert all(isinstance(each.ending, AnswerCompleted) for each in found)
    assert {each.attempt for each in found} == {1}
