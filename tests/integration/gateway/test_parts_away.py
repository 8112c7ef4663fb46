"""What the gateway says and does while Kafka, Redis or the state view is away."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from gateway.keys import CONVERSATIONS
from infra.settings import KafkaSettings, RedisSettings
from producers import topic_admin
from producers.events import ConversationCreated
from producers.jobs.view import PARTITIONS
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway, a_gateway
from tests.support.stack import RunningKafka, RunningRedis, a_prefix

# Brokers and processes start here, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)

PROMPT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}


async def test_without_kafka_nothing_is_promised_and_the_answer_comes_in_time(
    own_kafka: RunningKafka, redis_settings: RedisSettings
) -> None:
    settings = own_kafka.settings(a_prefix())
    await asyncio.to_thread(topic_admin.create, settings)
    async with a_gateway(settings, redis_settings) as gateway:
        assert (await gateway.post("/v1/jobs", PROMPT)).status == 202
        own_kafka.kill()
        for path in ("/v1/jobs", "/v1/chat/completions"):
            began = time.monotonic()
            answer = await gateway.post(path, PROMPT)
            took_s = time.monotonic() - began

            assert (answer.status, answer.json["error"]["type"]) == (503, "server_error")
            assert int(answer.headers["Retry-After"]) >= 1
            assert took_s < 2.0
        assert (await gateway.get("/healthz")).status == 200

        async def says_so() -> bool:
            ready = await gateway.get("/readyz")
            return ready.status == 503 and ready.json["parts"]["kafka"] is False

        await eventually(says_so, within_s=10.0, what="that kafka is away")
        await own_kafka.started()

        async def is_taken() -> bool:
            return (await gateway.post("/v1/jobs", PROMPT)).status == 202

        await eventually(is_taken, within_s=45, what="a 202 after Kafka came back")


async def test_a_gateway_that_starts_before_kafka_serves_when_kafka_comes(
    own_kafka: RunningKafka, redis_settings: RedisSettings
) -> None:
    settings = own_kafka.settings(a_prefix())
    await asyncio.to_thread(topic_admin.create, settings)
    await own_kafka.stopped()
    async with a_gateway(settings, redis_settings, wait=False) as gateway:
        answer = await gateway.post("/v1/jobs", PROMPT)
        ready = await gateway.get("/readyz")
        assert (answer.status, ready.status) == (503, 503)
        # The key is known; whether it was revoked is not.
        assert (await gateway.get("/v1/models")).status == 503
        assert ready.json["parts"] == {"kafka": False, "registry": False, "redis": True, "view": True}
        await own_kafka.started()

        async def is_taken() -> bool:
            return (await gateway.get("/readyz")).status == 200 and (
                await gateway.post("/v1/jobs", PROMPT)
            ).status == 202

        await eventually(is_taken, within_s=45, what="a 202 after Kafka came")


async def test_without_redis_the_answer_is_503_and_all_is_well_when_it_is_back(
    log_settings: KafkaSettings, own_redis: RunningRedis
) -> None:
    async with a_gateway(log_settings, own_redis.settings(a_prefix())) as gateway:
        job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
        own_redis.kill()
        for answer in (
            await gateway.post("/v1/jobs", PROMPT),
            await gateway.post("/v1/chat/completions", PROMPT),
            await gateway.get(f"/v1/jobs/{job_id}"),
            await gateway.get(f"/v1/jobs/{job_id}/events"),
            await gateway.post(f"/v1/jobs/{job_id}/cancel", {}),
        ):
            assert answer.status == 503, answer.content
            assert answer.headers["Retry-After"]
        assert (await gateway.get("/readyz")).json["parts"]["redis"] is False
        await own_redis.started()
        # The state view looks at the log again for another run of Redis.
        await gateway.mark_whole()

        async def is_taken() -> bool:
            return (await gateway.post("/v1/jobs", PROMPT)).status == 202

        await eventually(is_taken, within_s=45, what="a 202 after Redis came back")


async def test_a_redis_that_hangs_holds_nobody_up(log_settings: KafkaSettings, own_redis: RunningRedis) -> None:
    async with a_gateway(log_settings, own_redis.settings(a_prefix())) as gateway:
        os.kill(own_redis.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            submitted = await gateway.post("/v1/jobs", PROMPT)
            submitted_s = time.monotonic() - began
            ready = await gateway.get("/readyz")
            ready_s = time.monotonic() - began - submitted_s
        finally:
            os.kill(own_redis.pid, signal.SIGCONT)

    assert (ready.status, ready.json["parts"]["redis"], submitted.status) == (503, False, 503)
    assert ready_s < 1.5
    assert submitted_s < 2.0


async def test_while_the_view_is_rebuilt_nothing_is_taken_and_nothing_is_denied(gateway: RunningGateway) -> None:
    known = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    await gateway.mark_whole(is_whole=False)
    submitted = await gateway.post("/v1/jobs", PROMPT)
    unknown = await gateway.get("/v1/jobs/job_unknown")
    read = await gateway.get(f"/v1/jobs/{known}")
    ready = await gateway.get("/readyz")

    assert (submitted.status, submitted.headers["Retry-After"]) == (503, "1")
    assert (unknown.status, unknown.headers["Retry-After"]) == (503, "1")
    assert read.status == 200
    assert (ready.status, ready.json["parts"]["view"]) == (503, False)
    assert ready.json["view"] == {"whole": 0, "partitions": PARTITIONS}


async def test_conversations_are_not_denied_while_an_emptied_redis_is_rebuilt(gateway: RunningGateway) -> None:
    made = (await gateway.post("/v1/conversations", {"title": "Sky"})).json
    here = f"/v1/conversations/{made['id']}"

    async def asked() -> list[int]:
        renamed = await gateway.post(here, {"title": "Sea"})
        paths = (here, f"{here}/items", "/v1/conversations", f"/v1/conversations?after={made['id']}")
        return [renamed.status, *[(await gateway.get(path)).status for path in paths]]

    async def deleted() -> int:
        async with gateway.http.delete(f"{gateway.url}{here}") as response:
            return response.status

    redis, prefix = gateway.scripts.redis, gateway.scripts.prefix
    await redis.delete(*[key async for key in redis.scan_iter(f"{prefix}*")])
    emptied, is_deleted = await asked(), await deleted()
    # The view has read that it was made, and goes on reading.
    await gateway.app[CONVERSATIONS].open(
        ConversationCreated(conversation=made["id"], tenant=gateway.tenant, title="Sky", metadata={}, at_ms=1.0)
    )
    half = [(await gateway.get(path)).status for path in (here, f"{here}/items", "/v1/conversations")]
    await gateway.mark_whole()

    assert [*emptied, is_deleted] == [503] * 6
    assert half == [200, 503, 503], "of a history that is half read nothing is shown"
    assert await asked() == [200] * 5
    assert await deleted() == 200


async def test_a_cache_that_is_rebuilt_is_not_said_to_lack_an_answer(gateway: RunningGateway) -> None:
    await gateway.mark_whole(is_whole=False)
    during = await gateway.post("/v1/jobs", PROMPT | {"cache": "only"})
    await gateway.mark_whole()
    after = await gateway.post("/v1/jobs", PROMPT | {"cache": "only"})

    assert (during.status, during.json["error"]["code"]) == (503, "unavailable")
    assert (after.status, after.json["error"]["code"]) == (404, "cache_miss")


async def test_a_gateway_is_ready_when_all_its_parts_are(gateway: RunningGateway) -> None:
    ready = await gateway.get("/readyz")

    assert (ready.status, ready.json["status"]) == (200, "ready")
    assert all(ready.json["parts"].values())
