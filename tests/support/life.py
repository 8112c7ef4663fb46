"""All who have a hand in a job's life, for tests: each step is one atomic script, over one Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from infra import redis
from infra.settings import RedisSettings
from producers.conversations.store import Conversations
from producers.events import Limits
from producers.jobs.intake import Intake
from producers.jobs.lease import Lease, Leases
from producers.jobs.settling import Settling
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from producers.state.view import TOPICS
from stream_workers.fanout.state_view import StateView

QUOTA = Limits(requests_per_minute=60, jobs_in_flight=3)


@dataclass
class House:
    """All who have a hand in a job's life, over one Redis."""

    scripts: Scripts
    intake: Intake
    leases: Leases
    other: Leases
    settling: Settling
    view: StateView
    conversations: Conversations


@asynccontextmanager
async def a_house(redis_settings: RedisSettings) -> AsyncIterator[House]:
    """All of them, over a Redis whose view of the log is whole."""
    client = redis.client(redis_settings)
    scripts, kept = Scripts(client, redis_settings), Retention()
    house = House(
        scripts,
        Intake(scripts, kept),
        Leases(scripts, kept, "worker-1"),
        Leases(scripts, kept, "worker-2"),
        Settling(scripts, kept),
        StateView(scripts, kept),
        Conversations(scripts, kept),
    )
    for topic in TOPICS:
        for partition in range(topic.partitions):
            await house.view.positions.mark_whole(topic.name, partition, is_whole=True)
    yield house
    await client.aclose()


async def claimed(leases: Leases, prompt: object, place: int = 0) -> Lease:
    """The lease on a job that must be free."""
    lease = await leases.claim(prompt, place)  # type: ignore[arg-type]
    assert isinstance(lease, Lease), lease
    return lease


async def lapsed(house: House, job_id: str) -> None:
    """Have the lease on a job be over: a short one could be over before a busy machine comes to what holds under it."""
    await house.scripts.redis.hset(f"{house.scripts.prefix}job:{job_id}", "lease_ms", "0")
