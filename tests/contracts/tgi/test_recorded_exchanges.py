"""Every recorded request on the routes that our worker uses is answered as the real TGI answered it."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.contracts.tgi.exchanges import RECORDED_LIMITS, Exchange, differences, recorded, send
from tests.support.model_servers import ModelServer, model_server

GROUPS = ("plain", "generate", "generate_stream", "chat", "completions", "tokenize", "other_forms")
EXCHANGES = [pytest.param(each, id=f"{group}-{each.name}") for group in GROUPS for each in recorded(group)]
KEYED = [pytest.param(each, id=each.name) for each in recorded("api_key")]


@pytest.fixture(scope="module", params=["timed", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with model_server(*RECORDED_LIMITS, *(["--timed"] if request.param == "timed" else [])) as server:
        yield server


@pytest.fixture(scope="module")
def keyed_server() -> Iterator[ModelServer]:
    with model_server("--timed", "--api-key=sekret") as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=50)) as session:
        yield session


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_recorded_request_is_answered_alike(
    session: aiohttp.ClientSession, server: ModelServer, exchange: Exchange
) -> None:
    assert differences(exchange.response, await send(session, server.url, exchange)) == []


@pytest.mark.parametrize("exchange", KEYED)
async def test_the_api_key_guards_what_tgi_guards(
    session: aiohttp.ClientSession, keyed_server: ModelServer, exchange: Exchange
) -> None:
    assert differences(exchange.response, await send(session, keyed_server.url, exchange)) == []
