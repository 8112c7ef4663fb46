"""A broker and a Redis with names of the test's own, the pen, and views that follow the log in this process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from infra import redis
from infra.clock import SystemClock
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.jobs.record import JobRecord, read
from producers.log import topic_admin
from producers.log.publisher import Publisher
from producers.state.positions import Seek
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from stream_workers.fanout.state import StateFollower
from stream_workers.fanout.state_view import StateView
from stream_workers.views.log_view import LogView
from stream_workers.views.parts import Parts
from stream_workers.views.process import follower
from stream_workers.views.records import Done, ReadRecord, Stuck
from stream_workers.views.settings import ViewSettings
from tests.support.eventually import eventually


@dataclass
class House:
    """All that a test of a view has in hand."""

    parts: Parts
    scripts: Scripts
    metrics: Metrics

    async def job(self, job_id: str) -> JobRecord | None:
        return await read(self.scripts, job_id)

    async def status(self, job_id: str) -> str | None:
        found = await self.job(job_id)
        return None if found is None else found.status

    async def comes_to(self, job_id: str, status: str) -> None:
        async def is_there() -> bool:
            return await self.status(job_id) == status

        await eventually(is_there, within_s=45, what=f"{job_id} {status}")

    def state_view(self) -> LogView:
        state = StateView(self.scripts, Retention())
        return follower(self.parts, StateFollower(state, self.scripts, self.parts.clock, self.metrics))


@pytest.fixture
async def house(kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[House]:
    async with a_house(kafka_settings, redis_settings) as built:
        yield built


@asynccontextmanager
async def a_house(kafka: KafkaSettings, redis_settings: RedisSettings, name: str = "test") -> AsyncIterator[House]:
    await asyncio.to_thread(topic_admin.create, kafka)
    client = redis.client(redis_settings)
    publisher = Publisher(kafka, "test")
    publisher.start()
    await eventually(lambda: publisher.connected)
    views = ViewSettings(check_every_s=0.1, session_timeout_s=6.0)
    parts = Parts(name, kafka, redis_settings, views, client, publisher, SystemClock(), Metrics())
    yield House(parts, Scripts(client, redis_settings), parts.metrics)
    await publisher.close()
    await client.aclose()


@asynccontextmanager
async def following(view: LogView) -> AsyncIterator[LogView]:
    """The view follows the log until the block ends; at its start it is whole."""
    stopping = asyncio.Event()
    task = asyncio.create_task(view.follow(stopping))
    try:
        await eventually(lambda: view.whole, within_s=45, what="a view that is whole")
        yield view
    finally:
        stopping.set()
        await task


class Held(StateFollower):
    """A state view that applies nothing before it may."""

    go: asyncio.Event

    async def apply(self, batch: Sequence[ReadRecord]) -> Done | Seek | Stuck:
        """The same, once it may."""
        await self.go.wait()
        return await super().apply(batch)


@asynccontextmanager
async def held_back(house: House) -> AsyncIterator[tuple[LogView, asyncio.Event]]:
    """A view of the log that applies nothing before the event is set, at the latest by the end of the block."""
    held = Held(StateView(house.scripts, Retention()), house.scripts, house.parts.clock, house.metrics)
    held.go = asyncio.Event()
    view, stopping = follower(house.parts, held), asyncio.Event()
    following_it = asyncio.create_task(view.follow(stopping))
    try:
        yield view, held.go
    finally:
        held.go.set()
        stopping.set()
        await following_it
