"""Idempotency-Key on what is no submit: made once, told again at any gateway, and whole after a crash."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from infra.settings import RedisSettings
from producers.idempotency.once import Begun, Once, OtherPayload, Running
from producers.log.topics import CONVERSATIONS
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, Log, PlayedWorker, RunningGateway
from tests.support.gateway_process import AN_HOUR_S, a_process, known
from tests.support.held_redis import a_held_redis

CONVERSATIONS_URL = "/v1/conversations"
RIVERS: dict[str, Any] = {"title": "Rivers", "metadata": {"a": "1", "b": "2"}}
KEY = {"Idempotency_Key": '"k-1"'}


async def how_many(gateway: RunningGateway) -> int:
    return len((await gateway.get(CONVERSATIONS_URL)).json["data"])


async def test_a_conversation_is_made_once_for_a_key_at_whichever_gateway(
    gateway: RunningGateway, other_gateway: RunningGateway
) -> None:
    first = await gateway.post(CONVERSATIONS_URL, RIVERS, **KEY)
    again = await other_gateway.post(CONVERSATIONS_URL, dict(reversed(RIVERS.items())), Idempotency_Key="k-1")
    other = await other_gateway.post(CONVERSATIONS_URL, {"title": "Hills"}, **KEY)
    unlike = await gateway.post(CONVERSATIONS_URL, RIVERS)

    assert first.json["title"] == "Rivers"
    assert (again.status, again.content) == (first.status, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (other.status, other.json["error"]["code"]) == (422, "idempotency_key_reused")
    assert other.headers["x-should-retry"] == "false"
    assert unlike.json["id"] != first.json["id"]
    assert await how_many(gateway) == 2


async def test_of_many_at_once_one_makes_it_and_the_others_wait(
    gateway: RunningGateway, other_gateway: RunningGateway
) -> None:
    asking = [each.post(CONVERSATIONS_URL, RIVERS, **KEY) for each in (gateway, other_gateway) * 10]
    told = await asyncio.gather(*asking)
    then = await gateway.post(CONVERSATIONS_URL, RIVERS, **KEY)

    assert {each.status for each in told} <= {200, 409}
    assert {each.json["id"] for each in told if each.status == 200} == {then.json["id"]}
    assert all(int(each.headers["Retry-After"]) >= 1 for each in told if each.status == 409)
    assert await how_many(gateway) == 1


@pytest.mark.timeout(300)  # a process starts here, on a machine that may be busy
async def test_what_a_gateway_made_before_it_died_is_made_again_under_the_same_id(
    gateway: RunningGateway, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    log = Log(gateway.kafka, [CONVERSATIONS])
    await log.start()
    async with (
        a_held_redis(redis_settings, before=b"conv_") as (held_settings, way),
        a_process(gateway.kafka, held_settings, tmp_path, AN_HOUR_S) as dying,
    ):
        headers = await known(gateway, dying) | {"Idempotency-Key": "k-1"}
        asking = asyncio.create_task(gateway.http.post(f"{dying.url}{CONVERSATIONS_URL}", json=RIVERS, headers=headers))
        made, _ = await log.next(gateway.tenant, within_s=45)
        await asyncio.wait_for(way.held.wait(), 45)
        dying.process.kill()
        await asyncio.wait([asking])
    await log.close()
    meanwhile = await gateway.post(CONVERSATIONS_URL, RIVERS, **KEY)
    (name,) = [each async for each in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}once:*")]
    await gateway.scripts.redis.hset(name, "until_ms", "1")  # so long ago it was heard of
    back = await gateway.post(CONVERSATIONS_URL, RIVERS, **KEY)
    again = await gateway.post(CONVERSATIONS_URL, RIVERS, **KEY)

    assert isinstance(asking.exception(), aiohttp.ClientError)
    assert meanwhile.status == 409
    assert (back.status, back.json["id"]) == (200, made.conversation)
    assert again.content == back.content
    assert await how_many(gateway) == 1


async def test_one_who_falls_silent_is_followed_by_the_next_with_the_same_id(gateway: RunningGateway) -> None:
    once, soon_given_up = Once(gateway.scripts), Once(gateway.scripts, silent_ms=150)
    heard_of = await once.begin("another name", "print", "once_1")
    waiting = await once.begin("another name", "print", "once_2")
    other = await once.begin("another name", "another print", "once_3")
    first = await soon_given_up.begin("a name", "print", "once_1")

    async def is_taken_over() -> bool:
        return await once.begin("a name", "print", "once_4") == Begun("a name", "once_1", "once_4", "print")

    await eventually(is_taken_over)
    assert isinstance(heard_of, Begun)
    assert isinstance(first, Begun)
    await soon_given_up.answered(first, 200, b"too late")
    assert (waiting, other) == (Running(), OtherPayload())
    assert await once.begin("a name", "print", "once_5") == Running(), "who was given up has no say any more"


async def test_a_refusal_is_not_kept_and_the_key_serves_the_corrected_request(gateway: RunningGateway) -> None:
    wrong = await gateway.post(CONVERSATIONS_URL, {"title": "x" * 1000}, **KEY)
    again = await gateway.post(CONVERSATIONS_URL, {"title": "x" * 1000}, **KEY)
    right = await gateway.post(CONVERSATIONS_URL, RIVERS, **KEY)

    assert (wrong.status, again.status, right.status) == (400, 400, 200)


async def test_a_body_that_nobody_reads_to_its_bottom_is_refused_under_a_key_as_without(
    gateway: RunningGateway,
) -> None:
    deep, headers = b'{"a":' * 1100 + b"1" + b"}" * 1100, {"Content-Type": "application/json", "Idempotency-Key": "k"}
    for path in (CONVERSATIONS_URL, "/v1/embeddings", "/v1/batches", "/v1/jobs", "/v1/responses", "/v1/tickets"):
        async with gateway.http.post(f"{gateway.url}{path}", data=deep, headers=headers) as told:
            assert (told.status, (await told.json())["error"]["type"]) == (400, "invalid_request_error"), path


async def test_feedback_is_told_as_new_to_who_repeats_it_under_its_key(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    job_id = (await gateway.post("/v1/jobs", {"model": MODEL, "input": "Why?"})).json["id"]
    await worker.answer("Because.")
    thumb, url = {"kind": "thumb", "value": "up"}, f"/v1/jobs/{job_id}/feedback"
    first, again = [await gateway.post(url, thumb, **KEY) for _ in range(2)]
    without = await gateway.post(url, thumb)
    stranger = {"Authorization": f"Bearer {(await gateway.issue('somebody-else')).api_key}"}
    theirs = await gateway.post(url, thumb, **KEY, **stranger)

    assert (first.status, again.status, without.status) == (201, 201, 200)
    assert again.content == first.content
    assert theirs.status == 404


async def test_what_makes_nothing_is_not_kept(gateway: RunningGateway) -> None:
    told = [await gateway.post("/v1/markdown", {"texts": ["*hi*"]}, **KEY) for _ in range(2)]
    kept = [each async for each in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}once:*")]

    assert [each.status for each in told] == [200, 200]
    assert kept == []
