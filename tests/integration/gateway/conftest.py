"""A gateway on real Kafka and Redis, and a worker played by the test."""

from collections.abc import AsyncIterator

import pytest

from gateway.keys import REGISTRY
from infra.settings import KafkaSettings, RedisSettings
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker


@pytest.fixture
async def gateway(log_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, redis_settings) as running:
        yield running


@pytest.fixture
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played


@pytest.fixture
async def other_gateway(
    gateway: RunningGateway, log_settings: KafkaSettings, redis_settings: RedisSettings
) -> AsyncIterator[RunningGateway]:
    """A second gateway beside the first, that knows the same key."""
    async with a_gateway(log_settings, redis_settings) as other:
        other.app[REGISTRY].registry.apply(gateway.key.event)
        other.http.headers["Authorization"] = f"Bearer {gateway.key.api_key}"
        yield other
