"""A worker that is killed in mid-answer costs the readers of its streams a pause: each has every word once."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.tgi.timed.text import predicted_text
from infra.settings import KafkaSettings, RedisSettings
from infra.sse import ServerSentEvent
from stream_workers.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway, a_gateway, events_of
from tests.support.model_servers import ModelServer, model_server, timed_tgi
from tests.support.workers import Workshop, workshop

__all__ = ["timed_tgi"]

WORKER = WorkerSettings(name="w1", lease_s=2.0, flush_s=0.001)
TOKENS = 80
KINDS = ("chat", "response", "job")


async def follow(gateway: RunningGateway, method: str, path: str, body: Any, read: bytearray) -> None:
    async with gateway.http.request(method, f"{gateway.url}{path}", json=body) as stream:
        async for piece in stream.content.iter_any():
            read += piece


def chat_text(events: list[ServerSentEvent]) -> str:
    said = [json.loads(each.data) for each in events if each.data != "[DONE]"]
    return "".join(each["choices"][0]["delta"].get("content", "") for each in said if each["choices"])


def response_text(events: list[ServerSentEvent]) -> str:
    said = [json.loads(each.data) for each in events]
    return "".join(each["delta"] for each in said if each["type"] == "response.output_text.delta")


def job_text(events: list[ServerSentEvent]) -> str:
    assert "snapshot" not in {each.event for each in events}
    return "".join(json.loads(each.data)["text"] for each in events if each.event == "token")


@pytest.fixture
def place(
    tmp_path: Path, kafka_settings: KafkaSettings, redis_settings: RedisSettings, timed_tgi: ModelServer
) -> Iterator[Workshop]:
    with workshop(tmp_path, kafka_settings, redis_settings, timed_tgi.url) as found:
        yield found


@pytest.fixture
def real_place(tmp_path: Path, kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> Iterator[Workshop]:
    with model_server() as server, workshop(tmp_path, kafka_settings, redis_settings, server.url) as found:
        yield found


async def test_every_kind_of_stream_goes_on_where_its_worker_was_killed(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    timed_tgi.turn(first_token_ms=5, token_ms=10, answer_tokens=TOKENS)
    async with a_gateway(place.kafka, place.redis) as gateway:
        doomed = await asyncio.to_thread(place.start, WORKER)
        common = {"model": MODEL, "cache": "bypass"}
        chat = {**common, "messages": [{"role": "user", "content": "Asked as a chat."}], "stream": True}
        response = {**common, "input": "Asked as a response.", "stream": True}
        job = (await gateway.post("/v1/jobs", {**common, "input": "Asked as a job."})).json["id"]
        read = [bytearray() for _ in range(3)]
        following = [
            asyncio.create_task(follow(gateway, *asked, into))
            for into, asked in zip(
                read,
                [
                    ("POST", "/v1/chat/completions", chat),
                    ("POST", "/v1/responses", response),
                    ("GET", f"/v1/jobs/{job}/events", None),
                ],
                strict=True,
            )
        ]
        await eventually(lambda: all(each.count(b"\n\n") > 12 for each in read), what="the middle of all streams")
        await asyncio.to_thread(doomed.kill)
        await asyncio.to_thread(place.start, WORKER)
        await asyncio.gather(*following)

    texts = [told(events_of(bytes(had))) for told, had in zip([chat_text, response_text, job_text], read, strict=True)]
    asked = [await asyncio.to_thread(timed_tgi.generations, f"Asked as a {kind}.") for kind in KINDS]
    assert texts == [predicted_text(first["inputs"], 1_000, answer_tokens=TOKENS) for first, *_ in asked]
    assert all(len(second["inputs"]) > len(first["inputs"]) for first, second in asked)


async def test_a_real_model_goes_on_in_the_same_sense(real_place: Workshop) -> None:
    body = {
        "model": MODEL, "messages": [{"role": "user", "content": "Count from 1 to 30, with commas between."}],
        "cache": "bypass", "stream": True, "max_tokens": 120, "temperature": 0,
    }  # fmt: skip
    async with a_gateway(real_place.kafka, real_place.redis) as gateway:
        doomed = await asyncio.to_thread(real_place.start, WORKER)
        undisturbed, disturbed = bytearray(), bytearray()
        await follow(gateway, "POST", "/v1/chat/completions", body, undisturbed)
        following = asyncio.create_task(follow(gateway, "POST", "/v1/chat/completions", body, disturbed))
        await eventually(lambda: disturbed.count(b"\n\n") > 8, what="the middle of the answer")
        await asyncio.to_thread(doomed.kill)
        before = bytes(disturbed)
        await asyncio.to_thread(real_place.start, WORKER)
        await following

    whole, joined = chat_text(events_of(bytes(undisturbed))), chat_text(events_of(bytes(disturbed)))
    assert joined == whole
    assert b"[DONE]" not in before
