"""A gateway with quick pings, and a worker that the test plays."""

from collections.abc import AsyncIterator

import pytest

from infra.settings import KafkaSettings, RedisSettings
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker


@pytest.fixture
async def gateway(log_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, redis_settings, ping_every_s=0.1) as running:
        yield running


@pytest.fixture
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played
