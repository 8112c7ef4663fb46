"""The whole service, as a customer meets it over HTTP, once for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.support.receiver import Receiver, a_receiver
from tests.support.whole import Whole, whole


@pytest.fixture(scope="session")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """`headrace up` over the timed model server."""
    with whole(tmp_path_factory.mktemp("whole")) as running:
        yield running


@pytest.fixture
def service(running_service: Whole) -> Iterator[Whole]:
    """The service with a model server that does what it should."""
    running_service.model.reset()
    yield running_service
    running_service.model.reset()


@pytest.fixture
async def client(service: Whole) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with the development key."""
    async with aiohttp.ClientSession(service.stack["gateway_url"], headers=service.headers) as session:
        yield session


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook receiver on this machine."""
    async with a_receiver() as running:
        yield running
