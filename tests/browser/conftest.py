"""A real browser and a gateway, one each a module; every test signs in with a key of a tenant of its own.

A test that asks for them runs on its module's loop: `pytestmark = MODULE_LOOP`.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from infra.settings import KafkaSettings, RedisSettings
from tests.support.browser import Watch, a_browser, a_visitor
from tests.support.chat_page import Chat
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker
from tests.support.stack import RunningRedis, a_prefix

MODULE_LOOP = pytest.mark.asyncio(loop_scope="module")


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played


@pytest_asyncio.fixture(loop_scope="module")
async def watched(browser: Browser, gateway: RunningGateway) -> AsyncIterator[tuple[BrowserContext, Watch]]:
    """A fresh profile at the gateway, and what goes wrong in its pages."""
    async with a_visitor(browser, gateway.url) as found:
        yield found


@pytest.fixture
def visitor(watched: tuple[BrowserContext, Watch]) -> BrowserContext:
    return watched[0]


@pytest.fixture
def watch(watched: tuple[BrowserContext, Watch]) -> Watch:
    return watched[1]


@pytest_asyncio.fixture(loop_scope="module")
async def chat(visitor: BrowserContext, gateway: RunningGateway) -> Chat:
    """The chat page, signed in."""
    found = Chat(await visitor.new_page())
    await found.enter("/", gateway.key.api_key)
    return found
