"""A real browser and a gateway, one each a module; every test signs in with a key of a tenant of its own.

A test that asks for them runs on its module's loop: `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from infra.settings import KafkaSettings, RedisSettings
from tests.support.browser import a_browser
from tests.support.gateway import RunningGateway, a_gateway
from tests.support.stack import RunningRedis, a_prefix


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as running:
        yield running


@pytest.fixture(scope="module")
def module_redis(redis_server: RunningRedis) -> RedisSettings:
    """The shared server, with keys of this module's own."""
    return redis_server.settings(a_prefix())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(log_settings: KafkaSettings, module_redis: RedisSettings) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, module_redis) as running:
        yield running
