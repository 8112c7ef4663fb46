"""What the gateway says and does while Kafka, Redis or the state view is away."""

import asyncio
import functools
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from gateway.http.problems import OutOfSight
from gateway.keys import CONVERSATIONS, PUBLISHER, REGISTRY
from gateway.prompts.job_desk import JobDesk
from gateway.readers import following
from infra import redis
from infra.errors import Unavailable
from infra.fuse import Fuse
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.events import ConversationCreated
from producers.jobs import record
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.live import Piece
from producers.jobs.settling import Settling
from producers.log import topic_admin
from producers.log.topics import ANSWERS
from producers.log.topics import prompts as prompts_of
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from producers.state.view import PARTITIONS
from stream_workers.fanout.reaper import Patience, Reaped, Reaper
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.gateway import MODEL, RunningGateway, a_gateway, a_played_worker, a_publisher, events_of
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.topics import read_all
from tests.support.views import read_by_the_view

# Brokers and processes start here, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)

PROMPT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}
IN_TIME_S = 10.0
"""On an idle machine it is 2 s; a record is tried for 15 s, and a Redis that hangs is waited for without end."""


async def test_without_kafka_nothing_is_promised_and_the_answer_comes_in_time(
    own_kafka: RunningKafka, redis_settings: RedisSettings
) -> None:
    settings = replace(own_kafka.settings(a_prefix()), ack_timeout_s=KafkaSettings().ack_timeout_s)
    await asyncio.to_thread(topic_admin.create, settings)
    async with a_gateway(settings, redis_settings) as gateway:

        async def is_taken() -> bool:
            return (await gateway.post("/v1/jobs", PROMPT)).status == 202

        await eventually(is_taken, what="a first 202")
        own_kafka.kill()
        for path in ("/v1/jobs", "/v1/chat/completions"):
            began = time.monotonic()
            answer = await gateway.post(path, PROMPT)
            took_s = time.monotonic() - began

            assert (answer.status, answer.json["error"]["type"]) == (503, "server_error")
            assert int(answer.headers["Retry-After"]) >= 1
            assert took_s < IN_TIME_S
        assert (await gateway.get("/healthz")).status == 200

        async def says_so() -> bool:
            ready = await gateway.get("/readyz")
            return ready.status == 503 and ready.json["parts"]["kafka"] is False

        await eventually(says_so, what="that kafka is away")
        await own_kafka.started()
        await eventually(is_taken, within_s=45, what="a 202 after Kafka came back")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_an_answer_told_from_the_cache_stays_told_without_kafka_and_is_published_when_it_is_back(
    log_settings: KafkaSettings, redis_settings: RedisSettings, path: str
) -> None:
    async with a_gateway(log_settings, redis_settings) as gateway:
        asked = PROMPT if path.endswith("completions") else {"model": MODEL, "input": "Why?"}
        async with a_played_worker(gateway) as worker:
            asking = asyncio.create_task(gateway.post(path, asked))
            prompt = await worker.answer("It scatters.")
            await asking
        await read_by_the_view(gateway.scripts, a_completed(prompt, "It scatters."))
        await gateway.app[PUBLISHER].close()  # from here on no broker answers it

        told = await gateway.post(path, asked, Idempotency_Key="k-1")
        job_id = told.headers["x-job-id"]
        intake, scripts = Intake(gateway.scripts, Retention()), gateway.scripts
        # Whatever would have ended it: its time without a record in the log, or without a reader; or its client.
        await intake.abort(job_id, 0)
        await gateway.post(f"/v1/jobs/{job_id}/cancel", {})
        shown = await gateway.get(f"/v1/jobs/{job_id}")
        again = await gateway.post(path, asked, Idempotency_Key="k-1")
        async with a_publisher(log_settings) as pen:
            endings = Endings(pen, Settling(scripts, Retention()), Metrics())
            reaper = Reaper(scripts, intake, endings, CLOCK, Metrics(), Patience(finishing_ms=0))
            first, second = await reaper.reap(), await reaper.reap()
        settled = await record.read(scripts, job_id)

    assert (told.status, shown.json["status"], shown.json["cache"]) == (200, "completed", "hit")
    assert shown.json["result"]["choices"][0]["message"]["content"] == "It scatters."
    assert (again.status, again.content) == (200, told.content)
    assert (first, second) == (Reaped(finished=1), Reaped())
    assert settled is not None
    assert settled.ending is not None
    assert (settled.status, settled.ending.text, "published" in settled.times) == ("completed", "It scatters.", True)


async def test_an_answer_from_the_cache_is_streamed_before_the_log_has_heard_of_it(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with a_gateway(log_settings, redis_settings) as gateway:
        async with a_played_worker(gateway) as worker:
            asking = asyncio.create_task(gateway.post("/v1/chat/completions", PROMPT))
            prompt = await worker.answer("It scatters.")
            await asking
        await read_by_the_view(gateway.scripts, a_completed(prompt, "It scatters."))
        await gateway.app[PUBLISHER].close()  # from here on no broker answers it
        job_id = (await gateway.post("/v1/chat/completions", PROMPT)).headers["x-job-id"]
        paths = f"/v1/chat/completions/chatcmpl-{job_id[4:]}?stream=true", f"/v1/jobs/{job_id}/events"

        whole = [await gateway.get(path) for path in paths]
        last = [events_of(each.content)[-1].id for each in whole]
        early = [await gateway.get(path, Last_Event_ID=id) for path, id in zip(paths, last, strict=True)]
        async with a_publisher(log_settings) as pen:
            endings = Endings(pen, Settling(gateway.scripts, Retention()), Metrics())
            intake = Intake(gateway.scripts, Retention())
            await Reaper(gateway.scripts, intake, endings, CLOCK, Metrics(), Patience(finishing_ms=0)).reap()
        late = [await gateway.get(path, Last_Event_ID=id) for path, id in zip(paths, last, strict=True)]

    assert [each.status for each in whole] == [200, 200]
    assert all(b"It scatters." in each.content for each in whole)
    assert [each.status for each in early + late] == [204] * 4


async def test_a_job_that_the_cache_answered_is_ended_with_that_by_the_gateway_where_it_is_asked_for_again(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with a_gateway(log_settings, redis_settings) as first, a_gateway(log_settings, redis_settings) as second:
        second.app[REGISTRY].registry.apply(first.key.event)
        async with a_played_worker(first) as worker:
            await first.post("/v1/jobs", PROMPT)
            prompt = await worker.answer("It scatters.")
        await read_by_the_view(first.scripts, a_completed(prompt, "It scatters."))
        await first.app[PUBLISHER].close()  # from here on no broker answers it

        refused = await first.post("/v1/jobs", PROMPT, Idempotency_Key="k-1")
        key = f"Bearer {first.key.api_key}"
        again = await second.post("/v1/jobs", PROMPT, Idempotency_Key="k-1", Authorization=key)
        endings = [each for each in await read_all(log_settings, ANSWERS) if each.job_id == again.json["id"]]
        asked = [each for each in await read_all(log_settings, prompts_of("standard")) if each.tenant == first.tenant]

    assert refused.status == 503
    assert (again.status, again.json["status"], again.json["cache"]) == (202, "completed", "hit")
    assert [each.text for each in endings] == ["It scatters."]
    assert [each.job_id for each in asked] == [prompt.job_id], "no worker is asked besides"


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


async def test_a_prompt_that_the_log_holds_is_told_as_accepted_where_redis_hides_its_answer(
    log_settings: KafkaSettings, own_redis: RunningRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE_S", 0.0)
    asks: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        ("/v1/chat/completions", PROMPT, {}),
        ("/v1/chat/completions", PROMPT | {"stream": True}, {}),
        ("/v1/responses", {"model": MODEL, "input": "Why?"}, {}),
        ("/v1/responses", {"model": MODEL, "input": "Why?"}, {"Idempotency_Key": "k-1"}),
        ("/v1/responses", {"model": MODEL, "input": "Why?", "stream": True}, {}),
    ]
    async with a_gateway(log_settings, own_redis.settings(a_prefix())) as gateway, a_played_worker(gateway) as worker:
        asking = [asyncio.create_task(gateway.post(path, body, **headers)) for path, body, headers in asks]
        held = {(await worker.next_prompt())[0].job_id for _ in asks}
        for job_id in held:
            await eventually(functools.partial(gateway.has_readers, job_id), what="somebody who waits")
        own_redis.kill()
        told = await asyncio.gather(*asking)

    assert {each.headers["x-job-id"] for each in told} == held
    *whole, begun = told
    for each in whole:
        assert (each.status, each.headers["Retry-After"], each.json["error"]["code"]) == (503, "1", "unavailable")
        assert f"was accepted as job {each.headers['x-job-id']}" in each.json["error"]["message"]
    assert [each.headers.get("x-should-retry") for each in whole] == ["false", "false", "false", None]
    assert (begun.status, events_of(begun.content)[-1].event) == (200, "error")
    assert f"was accepted as job {begun.headers['x-job-id']}" in events_of(begun.content)[-1].data
    assert not any(b"Nothing was promised" in each.content for each in told)


async def test_an_ending_that_the_log_holds_is_told_as_accepted_where_redis_cannot_show_it(
    gateway: RunningGateway,
) -> None:
    nowhere = RedisSettings(url="redis://127.0.0.1:1")
    async with redis.client(nowhere) as client:
        endings = Endings(gateway.app[PUBLISHER], Settling(Scripts(client, nowhere), Retention()), Metrics())
        desk = JobDesk(gateway.scripts, Intake(gateway.scripts, Retention()), endings, CLOCK, Retention(), Fuse())
        prompt = a_prompt(tenant=gateway.tenant)
        with pytest.raises(OutOfSight, match=f"accepted as job {prompt.job_id}"):
            await desk.end(a_completed(prompt))


async def test_a_reader_stays_while_redis_is_started_anew(log_settings: KafkaSettings, own_redis: RunningRedis) -> None:
    redis = own_redis.settings(a_prefix())
    async with a_gateway(log_settings, redis, ping_every_s=0.05) as gateway, a_played_worker(gateway) as worker:
        job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
        prompt, lease = await worker.claim()
        async with gateway.http.get(f"{gateway.url}/v1/jobs/{job_id}/events") as stream:
            await worker.leases.show(lease, [Piece("It ")])
            await stream.content.readuntil(b'It "}\n\n')
            own_redis.kill()
            await own_redis.started()
            await eventually(lambda: answers(gateway.scripts), what="Redis, over every connection that broke")
            await gateway.mark_whole()
            await worker.leases.show(lease, [Piece("is.")])
            await worker.end(lease, a_completed(prompt, "It is."))
            rest = events_of(await stream.content.read())

    assert [each.event for each in rest] == ["token", "done"]
    assert json.loads(rest[0].data) == {"text": "is."}


async def answers(scripts: Scripts) -> bool:
    """Whether Redis answers many times on end: each connection that broke says so once."""
    try:
        return [await scripts.ask("PING") for _ in range(20)] == [b"PONG"] * 20
    except Unavailable:
        return False


async def test_a_redis_that_hangs_holds_nobody_up(log_settings: KafkaSettings, own_redis: RunningRedis) -> None:
    settings = replace(own_redis.settings(a_prefix()), timeout_s=RedisSettings().timeout_s)
    async with a_gateway(log_settings, settings) as gateway:
        with frozen(own_redis.pid):
            began = time.monotonic()
            submitted = await gateway.post("/v1/jobs", PROMPT)
            submitted_s = time.monotonic() - began
            ready = await gateway.get("/readyz")
            ready_s = time.monotonic() - began - submitted_s

    assert (ready.status, ready.json["parts"]["redis"], submitted.status) == (503, False, 503)
    assert ready_s < IN_TIME_S
    assert submitted_s < IN_TIME_S


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
