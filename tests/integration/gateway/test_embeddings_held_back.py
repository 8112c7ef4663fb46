"""Embeddings are judged before they are made, and made again for a repeat out of the minute's tokens only."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.embeddings.settings import EMBEDDING_MODEL
from infra.settings import KafkaSettings, RedisSettings
from producers.settings import ModerationSettings
from tests.support.embedding_server import PlayedEmbeddings
from tests.support.files import a_line_of_texts, comes_to, submit, told, with_embeddings
from tests.support.gateway import RunningGateway, a_gateway

URL = "/v1/embeddings"


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path, embedding_server: PlayedEmbeddings
) -> AsyncIterator[RunningGateway]:
    given: dict[str, Any] = with_embeddings(tmp_path, embedding_server.url) | {
        "moderation": ModerationSettings(prompts="tests.support.moderation:no_floods"),
    }
    async with a_gateway(log_settings, redis_settings, parts=given) as running:
        yield running


def asking(*texts: str) -> dict[str, Any]:
    return {"model": EMBEDDING_MODEL, "input": texts}


async def spent_today(gateway: RunningGateway, key_id: str) -> int:
    redis, prefix = gateway.scripts.redis, gateway.scripts.prefix
    return sum([int(await redis.hget(name, key_id) or 0) async for name in redis.scan_iter(f"{prefix}spent:*")])


async def test_texts_that_moderation_refuses_are_not_embedded_and_take_no_token(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings
) -> None:
    key = await gateway.issue(gateway.tenant, tokens_per_minute=1_000)
    headers = {"Authorization": f"Bearer {key.api_key}", "Idempotency_Key": "k"}
    refused = await gateway.post(URL, asking("a flood", "a lake"), **headers)
    spent, embedded = await spent_today(gateway, key.event.id), dict(embedding_server.texts)
    allowed = await gateway.post(URL, asking("a pond", "a lake"), **headers)

    error = refused.json["error"]
    assert (refused.status, error["code"], error["param"]) == (400, "content_filter", "input")
    assert (spent, embedded) == (0, {})
    assert allowed.status == 200, "a refusal does not bind its key"


async def test_a_line_of_texts_that_moderation_refuses_is_in_the_error_file(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings
) -> None:
    lines = [a_line_of_texts("good", "a lake"), a_line_of_texts("bad", ["a pond", "a flood"])]
    ended = await comes_to(gateway, await submit(gateway, lines, endpoint=URL), "completed")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])

    assert (list(answers), list(errors)) == (["good"], ["bad"])
    assert errors["bad"]["response"]["status_code"] == 400
    assert errors["bad"]["response"]["body"]["error"]["code"] == "content_filter"
    assert dict(embedding_server.texts) == {"a lake": 1}


async def test_what_is_made_again_for_a_repeat_takes_tokens_of_the_minute_and_none_of_the_day(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings
) -> None:
    key = await gateway.issue(gateway.tenant, tokens_per_minute=4_200, tokens_per_day=5_000)
    headers = {"Authorization": f"Bearer {key.api_key}", "Idempotency_Key": "k"}
    many = asking(*["t"] * 2_048)
    first = await gateway.post(URL, many, **headers)
    embedding_server.is_out_of_order = True
    broken = await gateway.post(URL, many, **headers)
    embedding_server.is_out_of_order, embedding_server.counts = False, False
    again, over = [await gateway.post(URL, many, **headers) for _ in range(2)]

    assert (broken.status, broken.headers.get("Idempotent-Replayed")) == (503, None)
    assert len(first.content) > 64 * 1024
    assert (again.status, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert int(again.headers["x-ratelimit-remaining-tokens"]) < 2_048
    assert (over.status, over.json["error"]["code"]) == (429, "rate_limit_exceeded")
    assert "Idempotent-Replayed" not in over.headers
    assert embedding_server.texts["t"] == 2 * 2_048
    assert await spent_today(gateway, key.event.id) == 2_048
