"""An attempt that is broken off, by an error nobody planned or by a cancel, leaves nothing behind that goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from infra import redis
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.answers.answer_cache import AnswerCache
from producers.conversations.store import Conversations
from producers.events import AnswerCancelled, PromptSubmitted
from producers.jobs.lease import Lease, Leases
from producers.jobs.live import Piece
from producers.log.places import Place
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from producers.state.view import TOPICS
from stream_workers.app import WorkerApp, create_app
from stream_workers.fanout.state_view import StateView
from stream_workers.inference.ahead import Ahead
from stream_workers.inference.answering import Answering, Trail
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

    @property
    def judged(self) -> bool:
        return False

    def goes_on(self, _prompt: PromptSubmitted) -> bool:
        return True

    async def answer(self, _prompt: Any, _history: Any, screen: Screen, *_: Any) -> Any:
        screen.add(Piece("Rayleigh "), 1)
        screen.add(Piece("scattering."), 2)
        raise Bug


@pytest.fixture
def app() -> WorkerApp:
    return create_app(NOWHERE, "worker")


class Endless(Conversations):
    """A history that takes for ever to be read."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.begun = asyncio.Event()

    async def history(self, *_: Any, **__: Any) -> Any:
        self.begun.set()
        await asyncio.Event().wait()


@dataclass
class Bench:
    """One attempt at a prompt, under a lease on it."""

    attempting: Attempting
    hold: Hold
    prompt: PromptSubmitted

    async def make(self) -> Any:
        """What the attempt comes to."""
        return await self.attempting.make(self.prompt, Place("prompts.standard", 0, 0), self.hold, Ahead(), Trail())


@asynccontextmanager
async def bench(
    app: WorkerApp, redis_settings: RedisSettings, prompt: PromptSubmitted, history: type[Conversations] = Conversations
) -> AsyncIterator[Bench]:
    """All that an attempt takes; its model server breaks off."""
    client, kept = redis.client(redis_settings), Retention()
    scripts = Scripts(client, redis_settings)
    positions = StateView(scripts, kept).positions
    for topic in TOPICS:
        for partition in range(topic.partitions):
            await positions.mark_whole(topic.name, partition, is_whole=True)
    leases, metrics = Leases(scripts, kept, "worker-1"), Metrics()
    pen = FaustPen(app, NOWHERE, metrics)
    attempting = Attempting(
        clock=CLOCK, scripts=scripts, leases=leases, answering=Broken(), conversations=history(scripts, kept),
        cache=AnswerCache(scripts), pen=pen, counts=Counts(metrics), flush_s=0.05,
    )  # fmt: skip
    lease = await leases.claim(prompt, 0)
    assert isinstance(lease, Lease)
    yield Bench(attempting, Hold(lease), prompt)
    await pen.close()
    await client.aclose()


async def test_what_waits_to_be_shown_does_not_outlive_the_attempt(
    app: WorkerApp, redis_settings: RedisSettings
) -> None:
    async with bench(app, redis_settings, a_prompt()) as one:
        before = asyncio.all_tasks()

        with pytest.raises(Bug):
            await one.make()

        assert {each.get_name() for each in asyncio.all_tasks() - before} == {"mentions"}


async def test_a_cancel_stops_an_attempt_that_still_reads_a_long_history(
    app: WorkerApp, redis_settings: RedisSettings
) -> None:
    async with bench(app, redis_settings, a_prompt(conversation="conv_1"), Endless) as one, asyncio.timeout(45):
        reading = one.attempting.conversations
        assert isinstance(reading, Endless)
        attempt = asyncio.create_task(one.make())
        await reading.begun.wait()
        one.hold.judge("cancelled")
        answer = await attempt

    assert isinstance(answer.ending, AnswerCancelled)
    assert answer.ending.text == ""
