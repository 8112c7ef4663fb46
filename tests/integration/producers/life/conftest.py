"""One house of scripts for each test of a job's life."""

from collections.abc import AsyncIterator

import pytest

from infra.settings import RedisSettings
from tests.support.life import House, a_house


@pytest.fixture
async def house(redis_settings: RedisSettings) -> AsyncIterator[House]:
    async with a_house(redis_settings) as house:
        yield house
