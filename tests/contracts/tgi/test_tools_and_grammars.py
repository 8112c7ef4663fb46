"""Forms that an answer must have, on both servers: obeyed, cut off, or refused before anything is generated."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from tests.support.model_servers import ModelServer, model_server

PLACE = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]}
UNIQUE = {"type": "object", "properties": {"cities": {"type": "array", "uniqueItems": True}}}
MESSAGES = [{"role": "user", "content": "Is it raining in Paris?"}]
WHY = (
    "Input validation error: grammar is not valid: llama.cpp cannot follow it: "
    'failed to compile JSON schema: Unimplemented keys: ["uniqueItems"]'
)


@pytest.fixture(scope="module", params=["timed", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with model_server(*(["--timed"] if request.param == "timed" else [])) as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


def tool(schema: dict[str, Any], name: str = "weather") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "the weather", "parameters": schema}}


def with_grammar(schema: dict[str, Any], most: int = 60) -> dict[str, Any]:
    form = {"type": "json", "value": schema}
    return {"inputs": "Paris as JSON:", "parameters": {"max_new_tokens": most, "details": True, "grammar": form}}


def with_tools(schema: dict[str, Any], choice: Any = "required") -> dict[str, Any]:
    return {"messages": MESSAGES, "tools": [tool(schema)], "tool_choice": choice, "max_tokens": 60, "temperature": 0}


async def ask(
    session: aiohttp.ClientSession, server: ModelServer, path: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    async with session.post(f"{server.url}{path}", json=body) as reply:
        return reply.status, await reply.json()


async def stream(
    session: aiohttp.ClientSession, server: ModelServer, path: str, body: dict[str, Any]
) -> list[dict[str, Any]]:
    async with session.post(f"{server.url}{path}", json=body) as reply:
        lines = [line[6:] async for line in reply.content if line.startswith(b"data: {")]
    return [json.loads(each) for each in lines]


def generations(server: ModelServer) -> list[str]:
    """The series of answers that came to the model; one refused before counts as a wrong value."""
    page = server.metrics().splitlines()
    return [each for each in page if each.startswith(("tgi_request_success", 'tgi_request_failure{err="generation"}'))]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/generate", with_grammar(UNIQUE)),
        ("/v1/chat/completions", {"messages": MESSAGES, "response_format": {"type": "json", "value": UNIQUE}}),
        ("/v1/chat/completions", with_tools(UNIQUE)),
        ("/v1/chat/completions", with_tools(UNIQUE, "auto")),
    ],
)
async def test_what_cannot_be_followed_is_refused_before_anything_is_generated(
    session: aiohttp.ClientSession, server: ModelServer, path: str, body: dict[str, Any]
) -> None:
    generated = generations(server)
    assert await ask(session, server, path, body) == (422, {"error": WHY, "error_type": "validation"})
    events = await stream(session, server, path.replace("/generate", "/generate_stream"), {**body, "stream": True})
    told = {"message": WHY, "http_status_code": 422} if "chat" in path else WHY
    assert [each["error"] for each in events] == [told]
    assert generations(server) == generated


async def test_a_bad_grammar_hurts_no_other_answer(session: aiohttp.ClientSession, server: ModelServer) -> None:
    long = {"inputs": "One two three", "parameters": {"max_new_tokens": 24, "details": True}}
    running = [asyncio.create_task(stream(session, server, "/generate_stream", long)) for _ in range(2)]
    bad = {"inputs": "Hi", "parameters": {"grammar": {"type": "regex", "value": "[0-9"}}}
    statuses = [(await ask(session, server, "/generate", body))[0] for body in (bad, with_grammar(UNIQUE), bad)]
    assert statuses == [424, 422, 424]
    for events in await asyncio.gather(*running):
        assert events[-1]["details"]["generated_tokens"] == len(events) == 24


async def test_an_answer_has_the_form_or_says_that_it_was_cut(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    _, whole = await ask(session, server, "/generate", with_grammar(PLACE))
    assert whole["details"]["finish_reason"] == "eos_token"
    assert list(json.loads(whole["generated_text"])) == ["city"]
    _, cut = await ask(session, server, "/generate", with_grammar(PLACE, most=3))
    assert (cut["details"]["finish_reason"], cut["details"]["generated_tokens"]) == ("length", 3)
    assert cut["generated_text"].startswith("{")


@pytest.mark.parametrize("choice", ["required", "weather", {"type": "function", "function": {"name": "weather"}}])
async def test_a_call_names_the_tool_and_its_arguments_as_text(
    session: aiohttp.ClientSession, server: ModelServer, choice: Any
) -> None:
    status, answer = await ask(session, server, "/v1/chat/completions", with_tools(PLACE, choice))
    assert status == 200
    message = answer["choices"][0]["message"]
    assert list(message) == ["role", "tool_calls"]
    (call,) = message["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"]) == ("0", "function", "weather")
    assert list(json.loads(call["function"]["arguments"])) == ["city"]
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_a_streamed_call_comes_in_pieces_that_make_its_arguments(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    chunks = await stream(session, server, "/v1/chat/completions", {**with_tools(PLACE), "stream": True})
    pieces = [each["choices"][0]["delta"]["tool_calls"][0]["function"] for each in chunks]
    assert [each["name"] for each in pieces] == ["weather"] + [None] * (len(pieces) - 1)
    assert list(json.loads("".join(each["arguments"] for each in pieces))) == ["city"]


async def test_without_a_tool_the_answer_is_a_text(session: aiohttp.ClientSession, server: ModelServer) -> None:
    status, answer = await ask(session, server, "/v1/chat/completions", with_tools(PLACE, "none"))
    assert status == 200
    assert answer["choices"][0]["message"]["content"]
    status, answer = await ask(session, server, "/v1/chat/completions", with_tools(PLACE, "elsewhere"))
    assert (status, answer["error_type"]) == (422, "tool_error")
