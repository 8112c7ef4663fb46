"""Files and batches by the unmodified `openai` SDK."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI
from openai.types import Batch
from openai.types.responses import Response

from infra.settings import KafkaSettings, RedisSettings
from tests.support.files import a_line, answering, jsonl, with_store
from tests.support.gateway import MODEL, RunningGateway, a_gateway, a_played_worker

CONTENT = jsonl([a_line(str(number), f"answer {number}") for number in range(3)])


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path)) as running:
        yield running


@pytest.fixture
async def client(gateway: RunningGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=gateway.key.api_key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk:
        yield sdk


async def ended(client: AsyncOpenAI, batch: Batch) -> Batch:
    async with asyncio.timeout(60):
        while batch.status not in {"completed", "failed", "expired", "cancelled"}:
            await asyncio.sleep(0.05)
            batch = await client.batches.retrieve(batch.id)
    return batch


async def test_files_are_created_listed_read_and_deleted(client: AsyncOpenAI) -> None:
    made = [
        await client.files.create(
            file=(f"{number}.jsonl", CONTENT),
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        for number in range(5)
    ]
    listed = [each.id async for each in client.files.list(limit=2)]
    shown, content = await client.files.retrieve(made[0].id), await client.files.content(made[0].id)
    deleted = [(await client.files.delete(each.id)).deleted async for each in client.files.list(limit=2)]

    assert listed == [each.id for each in made[::-1]]
    assert (shown.filename, shown.bytes, shown.purpose, shown.status) == ("0.jsonl", len(CONTENT), "batch", "processed")
    assert shown.expires_at == shown.created_at + 3600
    assert content.content == CONTENT
    assert deleted == [True] * 5
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve(made[0].id)


async def test_a_batch_is_created_and_polled_and_its_output_read(gateway: RunningGateway, client: AsyncOpenAI) -> None:
    async with a_played_worker(gateway) as worker, answering(worker):
        file = await client.files.create(file=CONTENT, purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"run": "7"},
            output_expires_after={"anchor": "created_at", "seconds": 3600},
        )
        batch = await ended(client, batch)
    assert batch.output_file_id is not None
    output = (await client.files.content(batch.output_file_id)).text
    listed = [each.id async for each in client.batches.list(limit=1)]

    assert (batch.status, batch.metadata, batch.error_file_id) == ("completed", {"run": "7"}, None)
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed) == (3, 3)
    assert batch.usage is not None
    assert batch.usage.total_tokens == 30
    answers = {each["custom_id"]: each["response"]["body"] for each in map(json.loads, output.splitlines())}
    assert [answers[str(n)]["choices"][0]["message"]["content"] for n in range(3)] == [f"answer {n}" for n in range(3)]
    assert listed == [batch.id]


async def test_a_batch_of_responses(gateway: RunningGateway, client: AsyncOpenAI) -> None:
    lines = [a_line("a", url="/v1/responses", body={"model": MODEL, "input": "yes", "instructions": "Be brief."})]
    async with a_played_worker(gateway) as worker, answering(worker):
        file = await client.files.create(file=jsonl(lines), purpose="batch")
        batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
        batch = await ended(client, batch)
    assert batch.output_file_id is not None
    told = json.loads((await client.files.content(batch.output_file_id)).text)["response"]["body"]
    kept = await client.responses.retrieve(told["id"])

    assert Response.model_validate(told).output_text == kept.output_text == "yes"
    assert told["instructions"] == "Be brief."


async def test_a_batch_is_cancelled(client: AsyncOpenAI) -> None:
    file = await client.files.create(file=CONTENT, purpose="batch")
    batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    cancelling = await client.batches.cancel(batch.id)

    assert cancelling.status == "cancelling"
    assert (await ended(client, cancelling)).status == "cancelled"


async def test_what_is_wrong_with_an_input_is_told_by_line(client: AsyncOpenAI) -> None:
    file = await client.files.create(file=jsonl([a_line("a"), a_line("a")]), purpose="batch")
    batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    batch = await ended(client, batch)

    assert batch.status == "failed"
    assert batch.errors is not None
    assert [(each.line, each.code) for each in batch.errors.data or []] == [(2, "duplicate_custom_id")]
    with pytest.raises(openai.BadRequestError) as refused:
        await client.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
    assert refused.value.param == "endpoint"
