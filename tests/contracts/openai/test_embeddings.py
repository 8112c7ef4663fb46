"""Embeddings by the unmodified `openai` SDK, made by the embedded server's own small model."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI
from openai.types import CreateEmbeddingResponse

from gateway.embeddings.settings import EMBEDDING_MODEL, EmbeddingsSettings
from infra.settings import KafkaSettings, RedisSettings
from producers.log.topics import EMBEDDINGS
from tests.support.files import a_line_of_texts, jsonl, with_store
from tests.support.gateway import MODEL, Log, RunningGateway, a_gateway
from tests.support.model_servers import ModelServer, timed_tgi

__all__ = ["timed_tgi"]


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, timed_tgi: ModelServer
) -> AsyncIterator[RunningGateway]:
    parts = {"embeddings": EmbeddingsSettings(url=timed_tgi.url)}
    async with a_gateway(log_settings, redis_settings, parts=parts) as running:
        yield running


@pytest.fixture
async def client(gateway: RunningGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=gateway.key.api_key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk:
        yield sdk


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_texts_of_one_meaning_are_near_one_another(client: AsyncOpenAI) -> None:
    made = await client.embeddings.create(
        model=EMBEDDING_MODEL, input=["the cat sat", "a kitten was sitting", "stock prices fell"]
    )
    cat, kitten, stocks = (each.embedding for each in made.data)

    assert [each.index for each in made.data] == [0, 1, 2]
    assert (len(cat), made.model) == (256, EMBEDDING_MODEL)
    assert math.isclose(likeness(cat, cat), 1.0, rel_tol=1e-5)
    assert likeness(cat, kitten) > 0.5
    assert likeness(cat, stocks) < 0.1
    assert made.usage.prompt_tokens == made.usage.total_tokens > 9


async def test_numbers_and_base64_are_the_same_and_fewer_dimensions_may_be_had(client: AsyncOpenAI) -> None:
    by_base64 = await client.embeddings.create(model=EMBEDDING_MODEL, input="hello")
    by_number = await client.embeddings.create(model=EMBEDDING_MODEL, input="hello", encoding_format="float")
    short = await client.embeddings.create(model=EMBEDDING_MODEL, input="hello", dimensions=64)

    assert by_base64.data[0].embedding == pytest.approx(by_number.data[0].embedding, abs=1e-7)
    assert len(short.data[0].embedding) == 64
    assert math.isclose(likeness(short.data[0].embedding, short.data[0].embedding), 1.0, rel_tol=1e-5)


async def test_more_texts_than_the_server_takes_at_once_come_back_in_their_order(client: AsyncOpenAI) -> None:
    texts = [f"text {number}" for number in range(70)]
    made = await client.embeddings.create(model=EMBEDDING_MODEL, input=texts)
    alone = await client.embeddings.create(model=EMBEDDING_MODEL, input=texts[69])

    assert len(made.data) == 70
    assert made.data[69].embedding == pytest.approx(alone.data[0].embedding, abs=1e-6)


async def test_what_cannot_be_embedded_is_refused_by_name(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="tokens are not taken") as tokens:
        await client.embeddings.create(model=EMBEDDING_MODEL, input=[1, 2, 3])
    with pytest.raises(openai.BadRequestError) as nested:
        await client.embeddings.create(model=EMBEDDING_MODEL, input=[[1, 2], [3]])
    with pytest.raises(openai.BadRequestError) as empty:
        await client.embeddings.create(model=EMBEDDING_MODEL, input="")
    with pytest.raises(openai.BadRequestError) as none:
        await client.embeddings.create(model=EMBEDDING_MODEL, input=[])
    with pytest.raises(openai.BadRequestError) as too_long:
        await client.embeddings.create(model=EMBEDDING_MODEL, input="word " * 9000)
    with pytest.raises(openai.BadRequestError) as dimensions:
        await client.embeddings.create(model=EMBEDDING_MODEL, input="a", dimensions=100)
    with pytest.raises(openai.NotFoundError) as model:
        await client.embeddings.create(model=MODEL, input="a")

    assert {each.value.param for each in (tokens, nested, empty, none, too_long)} == {"input"}
    assert (dimensions.value.param, model.value.code) == ("dimensions", "model_not_found")


async def test_its_model_is_listed_with_what_it_is_for(gateway: RunningGateway) -> None:
    listed = (await gateway.get("/v1/models")).json["data"]

    assert [each["id"] for each in listed if each["task"] == "embeddings"] == [EMBEDDING_MODEL]
    assert [each["id"] for each in listed if each["task"] == "chat"] == [MODEL, "other/model"]


@pytest.mark.parametrize(
    ("url", "error"), [("", openai.NotFoundError), ("http://127.0.0.1:9", openai.InternalServerError)]
)
async def test_without_a_server_there_is_no_model_and_one_that_is_away_is_503(
    log_settings: KafkaSettings, redis_settings: RedisSettings, url: str, error: type[openai.APIStatusError]
) -> None:
    parts = {"embeddings": EmbeddingsSettings(url=url)}
    async with (
        a_gateway(log_settings, redis_settings, parts=parts) as bare,
        AsyncOpenAI(api_key=bare.key.api_key, base_url=f"{bare.url}/v1", max_retries=0) as sdk,
    ):
        with pytest.raises(error) as refused:
            await sdk.embeddings.create(model=EMBEDDING_MODEL, input="a")

    assert refused.value.status_code == (503 if url else 404)


async def test_a_batch_of_embeddings_is_what_single_calls_say(
    log_settings: KafkaSettings, redis_settings: RedisSettings, timed_tgi: ModelServer, tmp_path: Path
) -> None:
    parts = with_store(tmp_path) | {"embeddings": EmbeddingsSettings(url=timed_tgi.url)}
    words = ["the cat sat", "a kitten was sitting", "stock prices fell"]
    lines = [a_line_of_texts(text, text, encoding_format="float") for text in words]
    async with (
        a_gateway(log_settings, redis_settings, parts=parts) as gateway,
        AsyncOpenAI(api_key=gateway.key.api_key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk,
    ):
        file = await sdk.files.create(file=jsonl(lines), purpose="batch")
        batch = await sdk.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
        async with asyncio.timeout(60):
            while batch.status not in {"completed", "failed"}:
                await asyncio.sleep(0.05)
                batch = await sdk.batches.retrieve(batch.id)
        single = await sdk.embeddings.create(model=EMBEDDING_MODEL, input=words)
        assert batch.output_file_id, batch
        content = (await sdk.files.content(batch.output_file_id)).text
    answers = [json.loads(each) for each in content.splitlines()]
    made = [CreateEmbeddingResponse.model_validate(each["response"]["body"]) for each in answers]

    assert [each["custom_id"] for each in answers] == words
    for ours, theirs in zip(made, single.data, strict=True):
        assert ours.data[0].embedding == pytest.approx(theirs.embedding, abs=1e-6)
    assert batch.usage is not None
    assert batch.usage.total_tokens == single.usage.total_tokens == sum(each.usage.total_tokens for each in made)


async def test_what_it_takes_is_held_against_the_key_and_told_in_the_log(
    gateway: RunningGateway, timed_tgi: ModelServer
) -> None:
    key = await gateway.issue(gateway.tenant, tokens_per_minute=40, tokens_per_day=30)
    headers = {"Authorization": f"Bearer {key.api_key}"}
    asked = {"model": EMBEDDING_MODEL, "input": ["the cat sat", "a kitten was sitting"]}
    log = Log(gateway.kafka, [EMBEDDINGS])
    await log.start()
    made = await gateway.post("/v1/embeddings", asked, **headers)
    told, _ = await log.next(gateway.tenant)
    too_many = await gateway.post("/v1/embeddings", asked | {"input": "a word " * 20}, **headers)
    refused = await gateway.post("/v1/embeddings", asked | {"input": "a" * 2000}, **headers)
    again = await gateway.post("/v1/embeddings", asked, **headers)
    await log.close()

    tokens = made.json["usage"]["total_tokens"]
    assert (told.texts, told.tokens, told.key_id) == (2, tokens, key.event.id)
    assert int(made.headers["x-ratelimit-remaining-tokens"]) == 40 - tokens
    assert (too_many.status, refused.status) == (429, 429)
    assert f"has {30 - tokens} left" in too_many.json["error"]["message"]
    assert again.status == 200, "what was refused took nothing"


async def test_what_took_more_than_there_was_room_for_is_refused_and_neither_charged_nor_told(
    gateway: RunningGateway,
) -> None:
    key = await gateway.issue(gateway.tenant, tokens_per_day=5)
    headers = {"Authorization": f"Bearer {key.api_key}"}
    log = Log(gateway.kafka, [EMBEDDINGS])
    await log.start()
    refused = await gateway.post("/v1/embeddings", {"model": EMBEDDING_MODEL, "input": "a b c d e f"}, **headers)
    taken = await gateway.post("/v1/embeddings", {"model": EMBEDDING_MODEL, "input": "a"}, **headers)
    told, _ = await log.next(gateway.tenant)
    await log.close()

    assert (refused.status, taken.status) == (429, 200), "the second has all five again"
    assert (told.texts, told.tokens) == (1, taken.json["usage"]["total_tokens"])
