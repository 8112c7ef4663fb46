"""Whatever a POST makes is made once for an Idempotency-Key, at whichever gateway: every route is in the table of
repeats, and what makes something in the one here.

A route that stands in neither fails the first test: whoever adds one says here what repeating it tells.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from gateway import routes
from gateway.embeddings.settings import EMBEDDING_MODEL, EmbeddingsSettings
from gateway.keys import REGISTRY
from gateway.repeats.table import REPEATS, is_submit
from infra.settings import KafkaSettings, RedisSettings
from tests.support.files import CHAT, a_line, answering, jsonl, upload, with_store
from tests.support.gateway import MODEL, Answer, RunningGateway, a_gateway, a_played_worker
from tests.support.model_servers import ModelServer, timed_tgi

__all__ = ["timed_tgi"]

Body = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What a route is asked for, what else under the same key, and what of its answer is told only once."""

    body: Body
    other: Body
    once: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=())
    """What of the answer must be the same, where it goes on changing; else all."""


PROMPT: Final[Body] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "cache": "bypass"}
RESPONSE: Final[Body] = {"model": MODEL, "input": "Why?", "cache": "bypass"}
BATCH: Final[Body] = {"endpoint": CHAT, "completion_window": "24h", "input_file_id": "{file_id}"}
RED: Final[Body] = {"metadata": {"colour": "red"}}
BLUE: Final[Body] = {"metadata": {"colour": "blue"}}
HELLO: Final[Body] = {"items": [{"role": "user", "content": "Hello."}]}
TEXT: Final[Body] = {"model": EMBEDDING_MODEL, "input": "a cat"}

MADE: Final[Mapping[str, Made]] = {
    "/v1/jobs": Made({"model": MODEL, "input": "Why?"}, {"model": MODEL, "input": "How?"}, names=("id",)),
    "/v1/chat/completions": Made(PROMPT, PROMPT | {"seed": 1}),
    "/v1/chat/completions/{completion_id}": Made(RED, BLUE),
    "/v1/responses": Made(RESPONSE, RESPONSE | {"temperature": 1}),
    "/v1/jobs/{job_id}/feedback": Made({"kind": "thumb", "value": "up"}, {"kind": "thumb", "value": "down"}),
    "/v1/conversations": Made({"title": "Rivers"}, {"title": "Hills"}),
    "/v1/conversations/{conversation_id}": Made({"title": "Rivers"}, {"title": "Hills"}),
    "/v1/conversations/{conversation_id}/items": Made(HELLO, {"items": [{"role": "user", "content": "Bye."}]}),
    "/v1/embeddings": Made(TEXT, TEXT | {"input": "a dog"}),
    "/v1/batches": Made(BATCH, BATCH | RED),
    "/v1/tickets": Made({"path": "/v1/jobs/job_1/events"}, {"path": "/v1/jobs/job_2/events"}),
    "/v1/admin/keys": Made(
        {"tenant": "acme", "name": "a"}, {"tenant": "acme", "name": "b"}, once=("api_key", "webhook_secret")
    ),
    "/v1/admin/keys/{key_id}": Made({"name": "a"}, {"name": "b"}),
    "/v1/admin/keys/{key_id}/rotate": Made({"overlap_s": 60}, {"overlap_s": 61}, once=("api_key",)),
    "/v1/admin/tenants/{tenant}": Made({"name": "Acme"}, {"name": "Acme Ltd"}),
}
UPLOADED: Final = "/v1/files"
"""It is sent as a form."""


@pytest.fixture
async def gateways(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path, timed_tgi: ModelServer
) -> AsyncIterator[tuple[RunningGateway, RunningGateway]]:
    """Two that know the same key, one of an administrator, and whose prompts are answered."""
    parts = with_store(tmp_path) | {"embeddings": EmbeddingsSettings(url=timed_tgi.url)}
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(a_gateway(log_settings, redis_settings, parts=parts)) for _ in range(2)
        ]
        key = await one.issue(one.tenant, {"scopes": ("jobs", "read", "admin")}, requests_per_minute=1_000)
        await stack.enter_async_context(answering(await stack.enter_async_context(a_played_worker(one))))
        for each in (one, other):
            each.app[REGISTRY].registry.apply(key.event)
            each.http.headers["Authorization"] = f"Bearer {key.api_key}"
        yield one, other


async def things(gateway: RunningGateway) -> dict[str, str]:
    """One thing of each kind that a path or a body names."""
    job = (await gateway.post("/v1/jobs", PROMPT, Prefer="wait=60")).json
    return {
        "job_id": job["id"],
        "completion_id": job["result"]["id"],
        "conversation_id": (await gateway.post("/v1/conversations", {})).json["id"],
        "file_id": (await upload(gateway, jsonl([a_line("one")]))).json["id"],
        "key_id": (await gateway.issue(gateway.tenant)).event.id,
        "tenant": gateway.tenant,
    }


async def ask(gateway: RunningGateway, path: str, body: Body, names: Mapping[str, str]) -> Answer:
    """POST under a key, the same for every route."""
    given = {name: names["file_id"] if value == "{file_id}" else value for name, value in body.items()}
    return await gateway.post(path.format_map(names), given, Idempotency_Key='"the same for all"')


def test_every_post_is_in_a_table() -> None:
    posts = {re.sub(r"\{(\w+):[^}]*\}", r"{\1}", each.path) for each in routes.table() if each.method == "POST"}

    assert posts == REPEATS.keys()
    assert MADE.keys() | {UPLOADED} == {route for route, repeat in REPEATS.items() if repeat.how != "anew"}


async def test_what_a_post_makes_is_made_once_for_a_key(gateways: tuple[RunningGateway, RunningGateway]) -> None:
    gateway, other = gateways
    names = await things(gateway)
    for route, made in MADE.items():
        first = await ask(gateway, route, made.body, names)
        again = await ask(other, route, made.body, names)
        reused = await ask(gateway, route, made.other, names)

        assert first.status in {200, 201, 202}, (route, first.json)
        assert again.status in {first.status, 200}, (route, again.json)
        assert again.headers["Idempotent-Replayed"] == "true", route
        assert "Idempotent-Replayed" not in first.headers, route
        told = first.json | dict.fromkeys(made.once)
        same = made.names or tuple(told)
        assert {name: again.json[name] for name in same} == {name: told[name] for name in same}, route
        assert (reused.status, reused.json["error"]["code"]) == (422, "idempotency_key_reused"), route
        assert reused.headers["x-should-retry"] == "false", route


async def test_what_a_gateway_made_and_did_not_tell_of_is_made_again_as_the_same_thing(
    gateways: tuple[RunningGateway, RunningGateway],
) -> None:
    gateway, other = gateways
    names, redis = await things(gateway), gateway.scripts.redis
    for route, made in MADE.items():
        if is_submit("POST", route):
            continue
        first = await ask(gateway, route, made.body, names)
        (kept,) = [each async for each in redis.scan_iter(f"{gateway.scripts.prefix}once:*:{route}:*")]
        await redis.hdel(kept, "status", "body", "digest")
        await redis.hset(kept, "until_ms", "1")  # so long ago it was heard of
        again = await ask(other, route, made.body, names)

        assert again.status in {first.status, 200}, (route, again.json)
        assert again.json.get("id") == first.json.get("id"), route
        if "webhook_secret" in first.json:
            assert again.json["webhook_secret"] == first.json["webhook_secret"]
    listed = await gateway.get("/v1/batches")
    items = await gateway.get(f"/v1/conversations/{names['conversation_id']}/items")

    assert (len(listed.json["data"]), len(items.json["data"])) == (1, 1)


async def test_an_upload_is_made_once_for_a_key(gateways: tuple[RunningGateway, RunningGateway]) -> None:
    gateway, other = gateways
    first, again = [await upload(each, jsonl([a_line("one")]), once="k") for each in (gateway, other)]
    reused = await upload(gateway, jsonl([a_line("two")]), once="k")

    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert reused.status == 422


async def test_embeddings_that_are_too_large_to_be_kept_are_made_again_and_charged_once(
    gateways: tuple[RunningGateway, RunningGateway],
) -> None:
    gateway, other = gateways
    many = {"model": EMBEDDING_MODEL, "input": [f"text {number}" for number in range(40)], "encoding_format": "float"}
    spent = []
    told = []
    for each in (gateway, other, gateway):
        told.append(await each.post("/v1/embeddings", many, Idempotency_Key="k"))
        spent.append(await tokens_spent(gateway))
    once = [
        int(await gateway.scripts.redis.memory_usage(name) or 0)
        async for name in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}once:*")
    ]

    assert len(told[0].content) > 64 * 1024
    assert told[0].json == told[1].json == told[2].json
    assert [each.headers.get("Idempotent-Replayed") for each in told] == [None, "true", "true"]
    assert spent[0] > 0
    assert len(set(spent)) == 1
    assert max(once) < 4096


async def tokens_spent(gateway: RunningGateway) -> int:
    """By the gateway's tenant, today."""
    redis, prefix = gateway.scripts.redis, gateway.scripts.prefix
    return sum(
        [
            int(await redis.hget(name, f"tenant/{gateway.tenant}") or 0)
            async for name in redis.scan_iter(f"{prefix}spent:*")
        ]
    )
