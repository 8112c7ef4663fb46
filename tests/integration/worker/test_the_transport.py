"""The worker's consumer against a real broker: it stops whole, whatever its fetches are at."""

import asyncio
from typing import Any

import pytest

from infra.settings import KafkaSettings
from producers.log import topic_admin
from producers.log.topics import CONVERSATIONS
from stream_workers import transport
from stream_workers.app import create_app, running, subscription
from tests.support.eventually import eventually

LONG_S = 60.0


async def pass_over(stream: Any) -> None:
    async for _ in stream:
        pass


async def test_a_consumer_stops_while_a_fetch_gives_way(
    kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "GIVE_WAY_S", LONG_S)
    await asyncio.to_thread(topic_admin.create, kafka_settings, [CONVERSATIONS])
    app = await asyncio.to_thread(create_app, kafka_settings, "worker")
    app.agent(subscription(app, kafka_settings, [CONVERSATIONS]), name="reads")(pass_over)
    async with running(app):
        consumer: Any = app.consumer._thread._consumer  # type: ignore[attr-defined]

        async def a_fetch_gives_way() -> bool:
            return any("give_way" in repr(each) for each in consumer._fetcher._pending_tasks)

        await eventually(a_fetch_gives_way, what="a fetch")
        connections = list(consumer._client._conns.values())
        assert connections
        await consumer.stop()  # its own fetch, cancelled, must not cancel whoever closes it
    assert not any(each.connected() for each in connections), "they are closed behind the fetches"
