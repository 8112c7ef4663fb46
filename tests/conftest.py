"""The hygiene every test is held to, and the real parts a test can ask for.

- `kafka`, `redis_server`: shared by the whole session, started when first asked for
- `kafka_settings`, `redis_settings`: for clients of those, with a prefix no other test uses
- `clickhouse`: a database of this test's own on a server that all share (`clickhouse_server`)
- `log_settings`: all topics, once for the session, for tests with tenants of their own
- `own_kafka`, `own_redis`, `own_clickhouse`: one for this test alone, to stop and kill
- `service`: all of it, as `headrace up` runs it over the timed model server, once a folder (its conftest takes it from
  `tests.support.whole`); `client` and `receiver` beside it
- `embedding_server`: one that keeps what it was asked
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import aiohttp
import pytest
from xdist.remote import Producer

from infra.settings import KafkaSettings, RedisSettings
from producers.log import topic_admin
from tests.support import hygiene
from tests.support.clickhouse import Database, RunningClickHouse, a_clickhouse, a_database
from tests.support.embedding_server import PlayedEmbeddings, an_embedding_server
from tests.support.receiver import Receiver, a_receiver
from tests.support.stack import RunningKafka, RunningPart, RunningRedis, a_kafka, a_prefix, a_redis
from tests.support.turns import Turns, in_turn
from tests.support.whole import Whole


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Turns:
    """How tests are shared out where several run at a time."""
    return Turns(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows what its parts said last."""
    report = yield
    if report.failed:
        values = getattr(item, "funcargs", {}).items()
        report.sections += [
            (f"last words of {name}", each.last_words) for name, each in values if isinstance(each, RunningPart | Whole)
        ]
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Alone, the quick ones come first, as their folders do; side by side, the slow."""
    if hasattr(config, "workerinput"):
        in_turn(items)


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread, no child process, no change of the environment."""
    marker = request.node.get_closest_marker("asyncio")
    outlived = marker is not None and marker.kwargs.get("loop_scope", "function") != "function"
    threads = hygiene.no_thread_left(but_of_the_loop=outlived)
    with hygiene.no_environment_change(), threads, hygiene.no_child_left():
        yield


@pytest.fixture(autouse=True)
def a_tidy_loop(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[None]:
    """In an async test: no task left, and no call of ours that blocks the loop."""
    if request.node.get_closest_marker("asyncio") is None:
        yield
        return
    request.getfixturevalue("no_task_left")
    with hygiene.no_blocked_loop():
        yield


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fails when a task is left on the test's loop."""
    before = set(asyncio.all_tasks())
    yield
    left = await hygiene.tasks_left(before)
    # pytest-asyncio would end these threads, but only after we have counted them.
    await asyncio.get_running_loop().shutdown_default_executor()
    assert not left, f"tasks left running: {left}"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    """A broker all tests share; use it under a prefix of your own (`kafka_settings`)."""
    part = a_kafka(tmp_path_factory.mktemp("kafka"), shared=True)
    part.start()
    yield part
    part.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRedis]:
    """A server all tests share; use it under a prefix of your own (`redis_settings`)."""
    part = a_redis(tmp_path_factory.mktemp("redis"), shared=True)
    part.start()
    yield part
    part.stop()


@pytest.fixture(scope="session")
def log_settings(kafka: RunningKafka) -> KafkaSettings:
    """All topics on the shared broker, for tests that take a tenant of their own instead of topics of their own."""
    settings = kafka.settings(a_prefix())
    topic_admin.create(settings)
    return settings


@pytest.fixture
def topic_prefix() -> str:
    """Put before every topic and consumer group of this test."""
    return a_prefix()


@pytest.fixture
def kafka_settings(kafka: RunningKafka, topic_prefix: str) -> KafkaSettings:
    """The shared broker, with names of this test's own."""
    return kafka.settings(topic_prefix)


@pytest.fixture
def redis_settings(redis_server: RunningRedis) -> RedisSettings:
    """The shared server, with keys of this test's own."""
    return redis_server.settings(a_prefix())


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[RunningKafka]:
    """A running broker for this test alone."""
    part = a_kafka(tmp_path)
    part.start()
    yield part
    part.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RunningRedis]:
    """A running server for this test alone."""
    part = a_redis(tmp_path)
    part.start()
    yield part
    part.stop()


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClickHouse]:
    """An embedded ClickHouse all tests share; use it by a database of your own (`clickhouse`)."""
    part = a_clickhouse(tmp_path_factory.mktemp("clickhouse"), shared=True)
    part.start()
    yield part
    part.stop()


@pytest.fixture
def clickhouse(clickhouse_server: RunningClickHouse) -> Iterator[Database]:
    """A fresh database of this test's own, with a client."""
    with a_database(clickhouse_server) as database:
        yield database


@pytest.fixture
def own_clickhouse(tmp_path: Path) -> Iterator[RunningClickHouse]:
    """A running embedded ClickHouse for this test alone."""
    part = a_clickhouse(tmp_path)
    part.start()
    yield part
    part.stop()


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


@pytest.fixture
async def embedding_server() -> AsyncIterator[PlayedEmbeddings]:
    """An embedding server on this machine."""
    async with an_embedding_server() as played:
        yield played
