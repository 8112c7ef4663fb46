"""What the process of a view works with, started and put down in one place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from infra import redis
from infra.clock import Clock, SystemClock
from infra.service import Service
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.log.publisher import Publisher
from stream_workers.views.settings import ViewSettings


@dataclass(frozen=True)
class Parts:
    """What a view's process works with; `name` is also its consumer group's."""

    name: str
    kafka: KafkaSettings
    redis_settings: RedisSettings
    views: ViewSettings
    redis: Redis
    publisher: Publisher
    clock: Clock
    metrics: Metrics


@asynccontextmanager
async def parts(service: Service) -> AsyncIterator[Parts]:
    """Read the settings of a view's process and start what it needs; all is put down again at the end.

    Raises:
        Unavailable: the address of a part is not given.
    """
    name = service.name
    kafka, redis_settings = KafkaSettings.from_env(), RedisSettings.from_env()
    client = redis.client(redis_settings)
    publisher = Publisher(kafka, f"headrace-{name}")
    publisher.start()
    try:
        views, clock = ViewSettings.from_env(), SystemClock()
        yield Parts(name, kafka, redis_settings, views, client, publisher, clock, service.metrics)
    finally:
        await publisher.close()
        await client.aclose()
