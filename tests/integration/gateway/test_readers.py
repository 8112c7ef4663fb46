"""A synchronous call is wanted as long as somebody reads it, at any gateway; a background job always."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.readers.live import LIVE
from infra.settings import KafkaSettings, RedisSettings
from producers.jobs import record
from producers.jobs.live import Piece
from producers.state.retention import Retention
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, a_gateway, a_played_worker, events_of

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "cache": "bypass"}
STREAM = BODY | {"stream": True}


async def read_until_s(gateway: RunningGateway, job_id: str) -> float | None:
    """How many seconds from now the job is kept without another reader; None where it needs none."""
    scripts = gateway.scripts
    until_ms = await scripts.redis.zscore(f"{scripts.prefix}readers", job_id)
    seconds, micros = await scripts.redis.time()
    return None if until_ms is None else float(until_ms) / 1000 - seconds - micros / 1_000_000


async def test_only_a_synchronous_call_without_an_idempotency_key_needs_a_reader(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    needs = []
    for path, body, headers in (
        (CHAT, STREAM, {}), (CHAT, BODY, {}), (CHAT, STREAM, {"Idempotency-Key": "k"}),
        (CHAT, STREAM, {"Prefer": "respond-async"}), ("/v1/jobs", BODY, {"Prefer": "wait=5"}),
    ):  # fmt: skip
        asking = asyncio.create_task(gateway.post(path, body, **headers))
        prompt, lease = await worker.claim()
        left_s = await read_until_s(gateway, prompt.job_id)
        needs.append(left_s is not None and 0 < left_s <= 12)
        await worker.end(lease, a_completed(prompt, "Because."))
        await asking
        assert await read_until_s(gateway, prompt.job_id) is None

    assert needs == [True, True, False, False, False]


async def test_who_lets_go_of_a_stream_may_come_back_to_it(
    gateway: RunningGateway, other_gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asyncio.create_task(gateway.http.post(f"{gateway.url}{CHAT}", json=STREAM))
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("Be")])
    async with await asking as stream:
        had = await stream.content.readuntil(b"Be") + await stream.content.readuntil(b"\n\n")
    await eventually(lambda: gateway.has_no_readers(prompt.job_id))
    still = await worker.leases.renew([lease])
    await gateway.scripts.redis.zadd(f"{gateway.scripts.prefix}readers", {prompt.job_id: 1.0})
    path = f"{CHAT}/chatcmpl-{prompt.job_id[4:]}"
    polled = await other_gateway.get(path)
    left_s = await read_until_s(gateway, prompt.job_id)
    back = asyncio.create_task(other_gateway.get(f"{path}?stream=true", Last_Event_ID=events_of(had)[-1].id))
    await worker.end(lease, a_completed(prompt, "Because."))

    assert still == ["kept"]
    assert polled.status == 409
    assert left_s is not None
    assert left_s > 0
    assert b"cause." in (await back).content


@pytest.mark.parametrize(("path", "kind"), [("/v1/responses", "resp"), (CHAT, "chatcmpl"), ("/v1/jobs", "job")])
async def test_whoever_asks_again_and_again_is_a_reader(
    gateway: RunningGateway, worker: PlayedWorker, path: str, kind: str
) -> None:
    called = "/v1/responses" if kind == "resp" else CHAT
    body = {"model": MODEL, "input": "Why?", "cache": "bypass", "stream": True} if kind == "resp" else STREAM
    asking = asyncio.create_task(gateway.http.post(f"{gateway.url}{called}", json=body))
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("Be")])
    async with await asking:
        pass
    await eventually(lambda: gateway.has_no_readers(prompt.job_id))
    await gateway.scripts.redis.zadd(f"{gateway.scripts.prefix}readers", {prompt.job_id: 1.0})
    polled = await gateway.get(f"{path}/{kind}_{prompt.job_id[4:]}".replace("chatcmpl_", "chatcmpl-"))
    left_s = await read_until_s(gateway, prompt.job_id)
    await worker.end(lease, a_completed(prompt, "Because."))

    assert polled.status in {200, 409}
    assert left_s is not None
    assert left_s > 0


async def test_a_renewal_that_breaks_off_is_not_the_last(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asking = asyncio.create_task(gateway.post(CHAT, BODY))
    prompt, lease = await worker.claim()
    jobs_read = gateway.app[LIVE].jobs_read

    def broken() -> list[str]:
        monkeypatch.setattr(gateway.app[LIVE], "jobs_read", jobs_read)
        raise RuntimeError("nobody planned this")

    monkeypatch.setattr(gateway.app[LIVE], "jobs_read", broken)
    await eventually(lambda: "nobody planned this" in caplog.text, what="the broken round")
    await gateway.scripts.redis.zadd(f"{gateway.scripts.prefix}readers", {prompt.job_id: 1.0})

    async def is_told_of() -> bool:
        return (await read_until_s(gateway, prompt.job_id) or 0) > 0

    await eventually(is_told_of, what="the next round")
    await worker.end(lease, a_completed(prompt, "Because."))
    await asking


async def test_a_reader_is_told_of_for_as_long_as_it_reads(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with (
        a_gateway(log_settings, redis_settings, reader_grace_s=0.0) as gateway,
        a_played_worker(gateway) as worker,
    ):
        asking = asyncio.create_task(gateway.http.post(f"{gateway.url}{CHAT}", json=STREAM))
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, [Piece("Be")])
        async with await asking:
            await gateway.scripts.redis.zadd(f"{gateway.scripts.prefix}readers", {prompt.job_id: 1.0})

            async def is_told_of() -> bool:
                return (await read_until_s(gateway, prompt.job_id) or 0) > 0

            await eventually(is_told_of)

        async def is_cancelled() -> bool:
            return await worker.leases.renew([lease]) == ["cancelled"]

        await eventually(is_cancelled, what="the cancel at once, for there is no grace")


async def test_a_reader_that_takes_nothing_is_cut_off(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with (
        a_gateway(log_settings, redis_settings, slow_reader_s=0.3) as gateway,
        a_played_worker(gateway) as worker,
    ):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(sock.connect, ("127.0.0.1", int(gateway.url.rsplit(":", 1)[1])))
        body = json.dumps(STREAM).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key.api_key}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        prompt, lease = await worker.claim()
        await eventually(lambda: gateway.has_readers(prompt.job_id), what="the reader")
        for _ in range(60):  # more than the sockets between us hold
            await worker.leases.show(lease, [Piece("x" * 200_000)])
        await eventually(lambda: gateway.has_no_readers(prompt.job_id), what="the end of its reading")
        await worker.end(lease, a_completed(prompt, "cut"))
        sock.close()


async def test_a_stream_whose_job_was_deleted_before_its_reader_heard_of_the_end_is_broken_off(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with (
        a_gateway(log_settings, redis_settings, ping_every_s=0.05, opening_s=0.05) as gateway,
        a_played_worker(gateway) as worker,
        AsyncExitStack() as reading,
    ):
        background = {"model": MODEL, "input": "Why?", "background": True}
        response = (await gateway.post("/v1/responses", background)).json["id"]
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, [Piece("Be")])
        job_id = prompt.job_id
        paths = (
            f"{CHAT}/chatcmpl-{job_id[4:]}?stream=true", f"/v1/responses/{response}?stream=true",
            f"/v1/jobs/{job_id}/events",
        )  # fmt: skip
        opening = [gateway.http.get(f"{gateway.url}{path}") for path in paths]
        streams = [await reading.enter_async_context(each) for each in opening]
        # What a cancel and a deletion leave behind for a reader whom nothing reached meanwhile.
        await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}job:{job_id}", "state", "cancelled")
        await record.forget(gateway.scripts, job_id, Retention())
        async with asyncio.timeout(20):
            chat, events, job = [events_of(await each.content.read()) for each in streams]

    assert json.loads(chat[-1].data)["error"]["code"] == "gone"
    assert (events[-1].event, json.loads(events[-1].data)["code"]) == ("error", "gone")
    assert [each.event for each in job] == ["status", "token"]
