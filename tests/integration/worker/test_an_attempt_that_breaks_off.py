"""An attempt that ends by an error nobody planned leaves nothing behind that goes on showing its text."""

import asyncio
from typing import Any

import pytest

from infra import redis
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.answer_cache import AnswerCache
from producers.conversations import Conversations
from producers.jobs.lease import Lease, Leases
from producers.jobs.record import Retention
from producers.jobs.scripts import Scripts
from producers.jobs.view import TOPICS, StateView
from producers.places import Place
from stream_workers.app import WorkerApp, create_app
from stream_workers.inference.answering import Answering
from stream_workers.inference.attempting import Attempting
from stream_workers.inference.counts import Counts
from stream_workers.inference.renewals import Hold
from stream_workers.inference.screen import Screen
from stream_workers.pen import FaustPen
from tests.support.builders import CLOCK, a_prompt

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")


class Bug(Exception):
    """What nobody planned."""


class Broken(Answering):
    """Says something, then breaks."""

    def __init__(self) -> None:
        pass

    async def answer(self, _prompt: Any, _history: Any, screen: Screen, _progress: Any) -> Any:
        screen.add("Rayleigh ")
        screen.add("scattering.")
        raise Bug


@pytest.fixture
def app() -> WorkerApp:
    return create_app(NOWHERE, "worker")


async def test_what_waits_to_be_shown_does_not_outlive_the_attempt(
    app: WorkerApp, redis_settings: RedisSettings
) -> None:
    client, prompt, kept = redis.client(redis_settings), a_prompt(), Retention()
    scripts = Scripts(client, redis_settings)
    positions = StateView(scripts, kept).positions
    for topic in TOPICS:
        for partition in range(topic.partitions):
            await positions.mark_whole(topic.name, partition, is_whole=True)
    leases, metrics = Leases(scripts, kept, "worker-1"), Metrics()
    pen = FaustPen(app, NOWHERE, metrics)
    attempting = Attempting(
        clock=CLOCK, scripts=scripts, leases=leases, answering=Broken(), conversations=Conversations(scripts, kept),
        cache=AnswerCache(scripts), pen=pen, counts=Counts(metrics), flush_s=0.05,
    )  # fmt: skip
    lease = await leases.claim(prompt, 0)
    assert isinstance(lease, Lease)
    before = asyncio.all_tasks()

    with pytest.raises(Bug):
        await attempting.make(prompt, Place("prompts.standard", 0, 0), Hold(lease))

    assert {each.get_name() for each in asyncio.all_tasks() - before} == {"mentions"}
    await pen.close()
    await client.aclose()
