"""The timed server: its text proves whose it is, and faults come to order."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from infra.local.tgi.timed.text import predicted_text
from tests.support.model_servers import ModelServer, timed_tgi  # noqa: F401

PROMPT = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
def server(timed_tgi: ModelServer) -> Iterator[ModelServer]:  # noqa: F811
    yield timed_tgi
    timed_tgi.reset()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


async def generate(
    session: aiohttp.ClientSession, server: ModelServer, inputs: str = PROMPT, **given: Any
) -> tuple[int, dict[str, Any]]:
    body = {"inputs": inputs, "parameters": {"details": True, **given}}
    async with session.post(f"{server.url}/generate", json=body) as reply:
        return reply.status, await reply.json()


async def events(
    session: aiohttp.ClientSession, server: ModelServer, inputs: str = PROMPT, **given: Any
) -> AsyncIterator[dict[str, Any]]:
    body = {"inputs": inputs, "parameters": {"details": True, **given}}
    async with session.post(f"{server.url}/generate_stream", json=body) as reply:
        async for line in reply.content:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


async def state(server: ModelServer, inputs: str, wanted: str) -> dict[str, Any]:
    async with asyncio.timeout(45):
        while True:
            found = [each for each in server.generations(inputs) if each["state"] == wanted]
            if found:
                return found[-1]
            await asyncio.sleep(0.01)


async def test_the_text_is_the_one_predicted_from_the_prompt(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    status, answer = await generate(session, server, max_new_tokens=100)
    assert status == 200
    assert answer["generated_text"] == predicted_text(PROMPT, 100)
    assert answer["details"]["finish_reason"] == "eos_token"
    assert (await generate(session, server, "another", max_new_tokens=5))[1]["generated_text"] == predicted_text(
        "another", 5
    )
    assert predicted_text("another", 5) != predicted_text("any other", 5)


async def test_a_continued_prompt_continues_the_same_words(session: aiohttp.ClientSession, server: ModelServer) -> None:
    whole = predicted_text(PROMPT, 100)
    _, first = await generate(session, server, max_new_tokens=7)
    assert first["details"]["finish_reason"] == "length"
    _, rest = await generate(session, server, PROMPT + first["generated_text"], max_new_tokens=100)
    assert first["generated_text"] + rest["generated_text"] == whole


async def test_an_ordered_overload_is_refused_as_often_as_ordered(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    server.order("overload", times=2, contains="busy")
    assert (await generate(session, server, "busy"))[0] == 429
    assert (await generate(session, server, "idle"))[0] == 200
    assert [each async for each in events(session, server, "busy")] == [
        {"error": "Model is overloaded", "error_type": "overloaded"}
    ]
    assert (await generate(session, server, "busy"))[0] == 200


async def test_an_ordered_cut_hangs_up_after_so_many_tokens(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    server.order("cut", after_tokens=3)

    async def follow() -> None:
        async for _ in events(session, server, "to be cut"):
            pass

    with pytest.raises(aiohttp.ClientPayloadError):
        await follow()
    assert (await state(server, "to be cut", "cut"))["tokens"] == 3
    assert len([each async for each in events(session, server, "to be cut")]) == 25


async def test_an_ordered_failure_is_an_error_event_in_mid_answer(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    server.order("fail", after_tokens=2)
    seen = [each async for each in events(session, server)]
    assert len(seen) == 3
    assert seen[-1]["error_type"] == "generation"


async def test_a_held_answer_waits_until_it_is_released(session: aiohttp.ClientSession, server: ModelServer) -> None:
    server.order("hold", after_tokens=5, contains="patience")
    answer = asyncio.create_task(generate(session, server, "patience"))
    held = await state(server, "patience", "held")
    assert held["tokens"] == 5
    assert server.release("patience") == 1
    assert (await answer)[1]["details"]["generated_tokens"] == 25


async def test_a_client_that_hangs_up_frees_its_slot_at_once(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    server.turn(slots=1)
    server.order("hold", after_tokens=1, contains="slow")
    slow = asyncio.create_task(generate(session, server, "slow"))
    await state(server, "slow", "held")
    next_ = asyncio.create_task(generate(session, server, "next"))
    await state(server, "next", "queued")
    slow.cancel()
    assert (await next_)[0] == 200
    assert (await state(server, "slow", "closed"))["tokens"] == 1
    assert 'tgi_request_failure{err="dropped"} 1' in server.metrics()


async def test_wrong_knobs_are_refused_by_name(session: aiohttp.ClientSession, server: ModelServer) -> None:
    async with session.put(f"{server.url}/timed/knobs", json={"speed": 9}) as reply:
        assert reply.status == 422
        assert "speed" in await reply.text()
