"""What the process of every view starts and stops: Redis, the pen, the loop that follows the log."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from infra import redis
from infra.clock import Clock, SystemClock
from infra.service import Service
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.publisher import Publisher
from stream_workers.views.log_view import LogView
from stream_workers.views.records import View
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

    def follower(self, view: View) -> LogView:
        """The loop that follows the log into a view; how far it is behind is looked up at each scrape."""
        followed = LogView(view, self.name, self.kafka, self.views, self.publisher, self.clock, self.metrics)
        lag = self.metrics.consumer_lag

        async def look() -> None:
            for topic, records in (await followed.behind()).items():
                lag.labels(self.name, topic).set(records)

        self.metrics.look_up(lag, look)
        return followed


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


async def say_ready(service: Service, view: LogView) -> None:
    """Say that the service is ready once it follows the log; how long it takes to read all of it, nobody knows."""
    await view.following.wait()
    service.ready()


async def until_stopped(
    follow: Coroutine[Any, Any, None],
    *beside: Coroutine[Any, Any, None],
    finishing: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Do all of it side by side; when following the log ends, because the service stops, end the others, too.

    `finishing` is not cut off: it sees for itself that the service stops, and puts its work down.

    Raises:
        ExceptionGroup: one of them failed in a way nobody planned; all the others were ended.
    """
    async with asyncio.TaskGroup() as group:
        others = [group.create_task(each) for each in beside]
        if finishing is not None:
            group.create_task(finishing)
        await follow
        for each in others:
            each.cancel()
