"""Real clients over real TLS: a broker that asks for a user; Redis, ClickHouse and a model server behind a front."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver.errors import Error
from redis.exceptions import ConnectionError as RedisConnectionError

from infra import clickhouse, kafka, redis
from infra.clock import SystemClock
from infra.errors import Unavailable
from infra.settings import ClickHouseSettings, KafkaSettings, RedisSettings, TgiSettings
from infra.telemetry.metrics import Metrics
from infra.tls import Door
from producers.events import ConversationDeleted
from producers.log import topic_admin
from producers.log.topics import CONVERSATIONS
from stream_workers import app as faust_app
from stream_workers.inference.parameters import Limits
from stream_workers.inference.tgi import Tgi
from stream_workers.pen import FaustPen
from tests.support.certificates import Authority
from tests.support.clickhouse import RunningClickHouse
from tests.support.gateway import a_publisher
from tests.support.model_servers import model_server
from tests.support.secure_parts import SecureKafka, a_secure_kafka, a_tls_front
from tests.support.stack import RunningRedis

pytestmark = pytest.mark.timeout(300)

GONE = ConversationDeleted(conversation="conv_1", tenant="acme")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def front(authority: Authority) -> ssl.SSLContext:
    return Door(authority.pair(name="front"), SystemClock()).context


@pytest.fixture
def secure_kafka(tmp_path: Path, authority: Authority) -> Iterator[SecureKafka]:
    part = a_secure_kafka(tmp_path, authority)
    part.start()
    part.add_user()
    yield part
    part.stop()


async def both_libraries_publish(settings: KafkaSettings) -> list[int]:
    await asyncio.to_thread(topic_admin.create, settings, [CONVERSATIONS])
    async with a_publisher(settings) as publisher:
        ours = await publisher.publish(CONVERSATIONS, "conv_1", GONE)
    app = await asyncio.to_thread(faust_app.create_app, settings, "worker")
    app.agent(faust_app.subscription(app, settings, [CONVERSATIONS]), name="reads")(pass_over)
    async with faust_app.running(app):
        pen = FaustPen(app, settings, Metrics())
        theirs = await pen.publish(CONVERSATIONS, "conv_1", GONE)
        await pen.close()
    return [ours.offset, theirs.offset]


async def pass_over(stream: Any) -> None:
    async for _ in stream:
        pass


async def test_a_broker_with_tls_and_users_is_written_to_by_both_kafka_libraries(
    secure_kafka: SecureKafka, other_authority: Authority
) -> None:
    for mechanism in ("SCRAM-SHA-512", "PLAIN"):
        assert await both_libraries_publish(secure_kafka.secured(mechanism)) == [0, 1]

    settings = secure_kafka.secured("SCRAM-SHA-512")
    for wrong in (
        replace(settings, sasl_password="another one"),
        replace(settings, ca_file=str(other_authority.ca_file)),
        replace(settings, security_protocol="PLAINTEXT", sasl_username="", sasl_password="", ca_file=""),
    ):
        with pytest.raises(Unavailable, match="no broker answers"):
            await asyncio.to_thread(kafka.admin, wrong)


async def test_redis_is_reached_through_tls_and_only_by_an_authority_that_we_know(
    redis_server: RunningRedis, front: ssl.SSLContext, authority: Authority, other_authority: Authority
) -> None:
    async with a_tls_front(front, int(redis_server.url.rpartition(":")[2].partition("/")[0])) as port:
        settings = RedisSettings(url=f"rediss://127.0.0.1:{port}/0", ca_file=str(authority.ca_file))
        for make in _clients(settings):
            client = await asyncio.to_thread(make)
            assert await client.ping()
            await client.aclose()
        client = await asyncio.to_thread(redis.client, replace(settings, ca_file=str(other_authority.ca_file)))
        with pytest.raises(RedisConnectionError, match="certificate verify failed"):
            await client.ping()
        await client.aclose()


def _clients(settings: RedisSettings) -> tuple[Callable[[], Any], ...]:
    return lambda: redis.client(settings), lambda: redis.listener(settings)


async def test_clickhouse_is_reached_through_tls_and_only_by_an_authority_that_we_know(
    clickhouse_server: RunningClickHouse, front: ssl.SSLContext, authority: Authority, other_authority: Authority
) -> None:
    def asked(settings: ClickHouseSettings) -> Any:
        client = clickhouse.client(settings)
        try:
            return client.execute("SELECT 1")
        finally:
            client.disconnect()

    async with a_tls_front(front, clickhouse_server.port) as port:
        settings = ClickHouseSettings(url=f"clickhouses://127.0.0.1:{port}/default", ca_file=str(authority.ca_file))
        assert await asyncio.to_thread(asked, settings) == [(1,)]
        with pytest.raises((Error, OSError), match="certificate verify failed"):
            await asyncio.to_thread(asked, replace(settings, ca_file=str(other_authority.ca_file)))


async def test_a_model_server_is_reached_through_tls_and_only_by_an_authority_that_we_know(
    front: ssl.SSLContext, authority: Authority, other_authority: Authority
) -> None:
    with model_server("--timed") as model:
        async with a_tls_front(front, int(model.url.rpartition(":")[2])) as port:
            settings = TgiSettings(url=f"https://127.0.0.1:{port}", ca_file=str(authority.ca_file))
            told = []
            for each in (settings, replace(settings, ca_file=str(other_authority.ca_file))):
                tgi = Tgi(each)
                told.append(await tgi.limits())
                await tgi.close()

    assert isinstance(told[0], Limits)
    assert "certificate verify failed" in str(told[1])
