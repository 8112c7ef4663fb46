"""Batches of embeddings over HTTP: checked, embedded part by part, written out, cancelled, held against the key."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.batches import parts
from gateway.embeddings.server import EMBEDDING_SERVER
from gateway.embeddings.settings import EMBEDDING_MODEL
from gateway.files.store import STORE
from gateway.keys import BATCHES, CLOCK, FILES, METRICS, REGISTRY
from infra.settings import KafkaSettings, RedisSettings
from producers.events import TextsEmbedded
from producers.log.topics import EMBEDDINGS
from tests.support.embedding_server import PlayedEmbeddings
from tests.support.eventually import eventually
from tests.support.files import (
    a_line_of_texts,
    comes_to,
    jsonl,
    show,
    submit,
    told,
    upload,
    with_embeddings,
    with_store,
)
from tests.support.gateway import Log, RunningGateway, a_gateway

URL = "/v1/embeddings"


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path, embedding_server: PlayedEmbeddings
) -> AsyncIterator[RunningGateway]:
    given = with_embeddings(tmp_path, embedding_server.url)
    async with a_gateway(log_settings, redis_settings, parts=given) as running:
        yield running


async def test_every_line_is_embedded_counted_and_told_of_once(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings, tmp_path: Path
) -> None:
    log = Log(gateway.kafka, [EMBEDDINGS])
    await log.start()
    count = 2 * parts.LINES + 3
    lines = [a_line_of_texts(f"line {n}", [f"text {n}", "more"]) for n in range(count - 1)] + [
        a_line_of_texts("bad", "refused")
    ]
    batch_id = await submit(gateway, lines, endpoint=URL)
    ended = await comes_to(gateway, batch_id, "completed")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])
    events = [(await log.next(gateway.tenant))[0] for _ in range(count - 1)]
    await log.close()

    assert ended["request_counts"] == {"total": count, "completed": count - 1, "failed": 1}
    assert (ended["model"], ended["usage"]["total_tokens"]) == (EMBEDDING_MODEL, 3 * (count - 1))
    assert list(answers) == [each["custom_id"] for each in lines[:-1]]
    assert answers["line 7"]["response"]["body"] == {
        "object": "list", "model": EMBEDDING_MODEL, "usage": {"prompt_tokens": 3, "total_tokens": 3},
        "data": [
            {"object": "embedding", "index": 0, "embedding": [6.0, 1.0]},
            {"object": "embedding", "index": 1, "embedding": [4.0, 1.0]},
        ],
    }  # fmt: skip
    assert (errors["bad"]["response"]["status_code"], errors["bad"]["error"]) == (400, None)
    assert errors["bad"]["response"]["body"]["error"]["param"] == "input"
    assert {type(each) for each in events} == {TextsEmbedded}
    assert {each.embeddings_id for each in events} == {each["response"]["request_id"] for each in answers.values()}
    assert {(each.texts, each.tokens, each.key_id) for each in events} == {(2, 3, gateway.key.event.id)}
    assert embedding_server.texts["more"] == count - 1
    assert embedding_server.most_at_once <= 2
    outputs = {ended["input_file_id"], ended["output_file_id"], ended["error_file_id"]}
    await eventually(lambda: {each.name for each in tmp_path.iterdir()} == outputs, what="no part left in the store")


async def test_a_gateway_without_an_embedding_server_refuses_a_batch_of_embeddings_as_it_refuses_texts(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path)) as gateway:
        file = await upload(gateway, jsonl([a_line_of_texts("a", "x")]))
        asked = {"input_file_id": file.json["id"], "endpoint": URL, "completion_window": "24h"}
        refused = await gateway.post("/v1/batches", asked)
        texts = await gateway.post(URL, {"model": EMBEDDING_MODEL, "input": "x"})
        listed = (await gateway.get("/v1/batches")).json["data"]

    error, of_texts = refused.json["error"], texts.json["error"]
    assert (refused.status, error["type"], error["code"]) == (texts.status, of_texts["type"], of_texts["code"])
    assert (refused.status, error["code"], error["param"]) == (404, "model_not_found", "endpoint")
    assert listed == []


async def test_a_batch_whose_lease_is_renewed_as_it_ends_is_counted_and_tidied_up(
    log_settings: KafkaSettings,
    redis_settings: RedisSettings,
    tmp_path: Path,
    embedding_server: PlayedEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = with_embeddings(tmp_path, embedding_server.url, lease_s=0.6)
    async with a_gateway(log_settings, redis_settings, parts=given) as gateway:
        batches, files, renewed = gateway.app[BATCHES], gateway.app[FILES], asyncio.Semaphore(0)
        hold, doom = batches.hold, files.doom

        async def hold_and_tell(*about: Any) -> bool:
            held = await hold(*about)
            if not held:
                renewed.release()
            return held

        async def doom_once_renewed(name: str, at_ms: float, **how: Any) -> None:
            if at_ms <= gateway.app[CLOCK].now_ms():  # a part, once the output is there
                await renewed.acquire()
            await doom(name, at_ms, **how)

        async def is_counted() -> bool:
            return b'headrace_batches_total{status="completed"} 1.0' in await gateway.app[METRICS].shown()

        monkeypatch.setattr(batches, "hold", hold_and_tell)
        monkeypatch.setattr(files, "doom", doom_once_renewed)
        lines = [a_line_of_texts(f"line {n}", f"text {n}") for n in range(parts.LINES + 1)]
        ended = await comes_to(gateway, await submit(gateway, lines, endpoint=URL), "completed")
        outputs = {ended["input_file_id"], ended["output_file_id"]}

        await eventually(
            lambda: {each.name for each in tmp_path.iterdir()} == outputs, what="no part left in the store"
        )
        await eventually(is_counted, what="a batch that is counted")


async def test_of_a_server_that_does_not_count_the_estimate_is_charged_and_told(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings
) -> None:
    embedding_server.counts = False
    key = await gateway.issue(gateway.tenant, tokens_per_minute=40)
    log = Log(gateway.kafka, [EMBEDDINGS])
    await log.start()
    body = {"model": EMBEDDING_MODEL, "input": "nine bytes and more"}
    made = await gateway.post(URL, body, Authorization=f"Bearer {key.api_key}")
    event, _ = await log.next(gateway.tenant)
    await log.close()

    assert made.headers["x-ratelimit-remaining-tokens"] == str(40 - 7)
    assert (made.json["usage"]["total_tokens"], event.tokens) == (7, 7)


async def test_a_line_that_no_call_may_send_fails_the_batch_with_its_number(gateway: RunningGateway) -> None:
    lines = [
        a_line_of_texts("a", "good"),
        a_line_of_texts("b", [1, 2]),
        a_line_of_texts("c", "x", model="another"),
        a_line_of_texts("d", "x", encoding_format="hex"),
        a_line_of_texts("e", "x") | {"url": "/v1/chat/completions"},
    ]
    ended = await comes_to(gateway, await submit(gateway, lines, endpoint=URL), "failed")

    assert [(each["line"], each["code"], each["param"]) for each in ended["errors"]["data"]] == [
        (2, "invalid_request", "body.input"),
        (3, "model_not_found", "body.model"),
        (4, "invalid_request", "body.encoding_format"),
        (5, "mismatched_endpoint", "url"),
    ]


async def test_an_error_of_one_line_ends_that_line_and_no_other(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = gateway.app[EMBEDDING_SERVER].embed

    async def embed_or_break(texts: Sequence[str], *more: Any, **how: Any) -> Any:
        if "bad" in texts:
            raise TypeError("unforeseen")
        return await embed(texts, *more, **how)

    monkeypatch.setattr(gateway.app[EMBEDDING_SERVER], "embed", embed_or_break)
    lines = [a_line_of_texts("a", "x"), a_line_of_texts("b", "bad"), a_line_of_texts("c", "y")]
    ended = await comes_to(gateway, await submit(gateway, lines, endpoint=URL), "completed")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])
    response = errors["b"]["response"]

    assert (list(answers), list(errors)) == (["a", "c"], ["b"])
    assert (response["status_code"], response["body"]["error"]["code"]) == (500, "internal_error")
    assert response["body"]["error"]["message"].startswith("Line 2: ")


async def test_a_cancelled_batch_keeps_the_parts_that_were_made_and_names_the_rest(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings
) -> None:
    embedding_server.holds_after = parts.LINES
    lines = [a_line_of_texts(f"line {n}", f"text {n}") for n in range(2 * parts.LINES)]
    batch_id = await submit(gateway, lines, endpoint=URL)

    async def first_part_is_made() -> bool:
        return bool((await show(gateway, batch_id))["request_counts"]["completed"] == parts.LINES)

    await eventually(first_part_is_made, what="the first part")
    cancelling = await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    ended = await comes_to(gateway, batch_id, "cancelled")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])

    assert cancelling.json["status"] == "cancelling"
    assert list(answers) == [f"line {n}" for n in range(parts.LINES)]
    assert list(errors) == [f"line {n}" for n in range(parts.LINES, 2 * parts.LINES)]
    assert {each["error"]["code"] for each in errors.values()} == {"batch_cancelled"}


async def test_a_gateway_without_an_embedding_server_ends_a_batch_that_is_cancelled_and_keeps_the_parts_that_were_made(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path, embedding_server: PlayedEmbeddings
) -> None:
    embedding_server.holds_after = parts.LINES
    lines = [a_line_of_texts(f"line {n}", f"text {n}") for n in range(parts.LINES + 1)]
    given = with_embeddings(tmp_path, embedding_server.url)
    async with a_gateway(log_settings, redis_settings, parts=given) as first:
        batch_id = await submit(first, lines, endpoint=URL)

        async def first_part_is_made() -> bool:
            return bool((await show(first, batch_id))["request_counts"]["completed"] == parts.LINES)

        await eventually(first_part_is_made, what="the first part")

    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path)) as other:
        other.app[REGISTRY].registry.apply(first.key.event)
        other.http.headers["Authorization"] = f"Bearer {first.key.api_key}"
        cancelling = await other.post(f"/v1/batches/{batch_id}/cancel", {})
        ended = await comes_to(other, batch_id, "cancelled")
        answers, errors = await told(other, ended["output_file_id"]), await told(other, ended["error_file_id"])

    assert cancelling.json["status"] == "cancelling"
    assert (list(answers), list(errors)) == ([f"line {n}" for n in range(parts.LINES)], [f"line {parts.LINES}"])


async def test_what_was_embedded_is_told_under_its_own_names_though_the_input_was_lost(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings
) -> None:
    embedding_server.holds_after = parts.LINES + 1
    lines = [a_line_of_texts(f"line {n}", f"text {n}") for n in range(parts.LINES + 5)]
    batch_id = await submit(gateway, lines, endpoint=URL)
    await eventually(lambda: embedding_server.texts.total() > parts.LINES, what="the second part begun")
    await gateway.app[STORE].remove((await show(gateway, batch_id))["input_file_id"])
    embedding_server.go_on.set()
    ended = await comes_to(gateway, batch_id, "completed")

    assert list(await told(gateway, ended["output_file_id"])) == [each["custom_id"] for each in lines]
    assert [each["code"] for each in ended["errors"]["data"]] == ["input_file_gone"]


async def test_a_key_over_its_limits_makes_the_batch_wait_and_no_line_fail(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings
) -> None:
    key = await gateway.issue(gateway.tenant, requests_per_minute=1200, tokens_per_minute=60)
    gateway.http.headers["Authorization"] = f"Bearer {key.api_key}"
    too_large = await submit(gateway, [a_line_of_texts("a", "word " * 100)], endpoint=URL)
    batch_id = await submit(
        gateway, [a_line_of_texts(f"line {n}", "a b c d e f g h i j k l") for n in range(6)], endpoint=URL
    )

    async def half_is_used() -> bool:
        return embedding_server.texts.total() >= 3

    refused = await comes_to(gateway, too_large, "failed")
    await eventually(half_is_used, what="half of the tokens used")
    held = await show(gateway, batch_id)
    single = await gateway.post(URL, {"model": EMBEDDING_MODEL, "input": "a b c"})

    assert [each["code"] for each in refused["errors"]["data"]] == ["too_large_for_limit"]
    assert (held["status"], held["request_counts"]["failed"]) == ("in_progress", 0)
    assert single.status == 200, "something is left to those who wait"
