"""Permits, hang-ups, shutdown, silence, metrics: what TGI does under load and at the end, on both servers."""

import asyncio
import json
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from infra.clock import ManualClock
from infra.local.tgi.app import application
from infra.local.tgi.metrics import Metrics
from infra.local.tgi.options import Options
from infra.local.tgi.service import Service
from infra.local.tgi.template import CHATML, ChatTemplate
from infra.local.tgi.timed.engine import TimedEngine
from infra.local.tgi.timed.knobs import Fault, Knobs
from tests.contracts.tgi.exchanges import GOLDEN
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer, model_server

OPTIONS = {"timed": ("--timed", "--token-ms=20", "--answer-tokens=1000"), "embedded": ()}
LONG = {"inputs": "One two three four five", "parameters": {"max_new_tokens": 1000}}
SHORT = {"inputs": "Hi", "parameters": {"max_new_tokens": 2}}
OVERLOADED = {"error": "Model is overloaded", "error_type": "overloaded"}


@pytest.fixture(scope="module", params=["timed", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with model_server("--max-concurrent-requests=2", *OPTIONS[request.param]) as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=180)) as session:
        yield session


async def hang_up_after(session: aiohttp.ClientSession, server: ModelServer, events: int) -> None:
    """Read so many events of a long answer, then close the connection."""
    async with session.post(f"{server.url}/generate_stream", json=LONG) as reply:
        async for line in reply.content:
            events -= line.startswith(b"data: ")
            if events == 0:
                reply.close()
                return


def counted(server: ModelServer, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", server.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def reaches(server: ModelServer, series: str, wanted: float, within_s: float = 45.0) -> None:
    await eventually(lambda: counted(server, series) == wanted, within_s=within_s)


async def test_permits_are_counted_from_arrival_to_end(session: aiohttp.ClientSession, server: ModelServer) -> None:
    running = [asyncio.create_task(hang_up_after(session, server, 1001)) for _ in range(2)]
    await reaches(server, "tgi_batch_current_size", 2)
    async with session.post(f"{server.url}/generate", json=SHORT) as reply:
        assert (reply.status, await reply.json()) == (429, OVERLOADED)
        assert "retry-after" not in reply.headers
    async with session.post(f"{server.url}/generate", json={"inputs": ""}) as reply:
        assert reply.status == 429  # the permit comes before the values
    async with session.post(f"{server.url}/generate", data=b"{", headers={"content-type": "application/json"}) as reply:
        assert reply.status == 400  # and the body before the permit
    async with session.post(f"{server.url}/generate_stream", json=SHORT) as reply:
        assert reply.status == 200
        assert await reply.text() == f"data: {json.dumps(OVERLOADED, separators=(',', ':'))}\n\n"
    chat = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2, "stream": True}
    async with session.post(f"{server.url}/v1/chat/completions", json=chat) as reply:
        events = (await reply.text()).split("\n\n")
        assert json.loads(events[0][6:]) == {"error": {"message": "Model is overloaded", "http_status_code": 422}}
        assert events[1] == "data: [DONE]"
    for path, body in (("/tokenize", SHORT), ("/chat_tokenize", {"messages": []})):
        async with session.post(f"{server.url}{path}", json=body) as reply:
            assert reply.status == 200
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await reaches(server, "tgi_batch_current_size", 0)


async def test_a_client_that_hangs_up_frees_its_permit_at_once(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    dropped = counted(server, 'tgi_request_failure{err="dropped"}')
    succeeded = counted(server, "tgi_request_success")
    await asyncio.gather(hang_up_after(session, server, 2), hang_up_after(session, server, 3))
    await reaches(server, 'tgi_request_failure{err="dropped"}', dropped + 2)
    async with session.post(f"{server.url}/generate", json=SHORT) as reply:
        assert reply.status == 200
    assert counted(server, "tgi_request_success") == succeeded + 1


async def test_a_client_that_hangs_up_before_the_first_token_is_noticed_too(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    dropped = counted(server, 'tgi_request_failure{err="dropped"}')
    body = {"inputs": "word " * 500, "parameters": {"max_new_tokens": 400}}
    waiting = asyncio.create_task(session.post(f"{server.url}/generate", json=body))
    await reaches(server, "tgi_batch_current_size", 1)
    waiting.cancel()
    await reaches(server, 'tgi_request_failure{err="dropped"}', dropped + 1)
    await reaches(server, "tgi_batch_current_size", 0)


async def test_answers_are_made_side_by_side(session: aiohttp.ClientSession, server: ModelServer) -> None:
    """Two streams advance in turns: neither waits for the other's end, nor does the later one hold up the earlier."""
    order: list[str] = []

    async def follow(name: str, body: dict[str, Any]) -> None:
        async with session.post(f"{server.url}/generate_stream", json=body) as reply:
            async for line in reply.content:
                order.extend([name] if line.startswith(b"data: ") else [])

    salting = asyncio.create_task(follow("salt", {**LONG, "parameters": {"max_new_tokens": 300}}))
    await eventually(lambda: "salt" in order)
    await follow("pepper", {"inputs": "pepper and", "parameters": {"max_new_tokens": 20}})
    first, last = order.index("pepper"), len(order) - 1
    await salting
    assert "salt" in order[first:last]
    assert order[-1] == "salt"


async def test_one_token_is_one_event_is_one_chunk(server: ModelServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = json.dumps({"inputs": "Hi", "parameters": {"max_new_tokens": 3}}).encode()
    head = b"POST /generate_stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n"
    writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    async with asyncio.timeout(45):
        _, _, raw = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    chunks = re.findall(rb"([0-9a-f]+)\r\n(data: [^\r\n]*\n\n)\r\n", raw)
    assert [int(size, 16) for size, _ in chunks] == [len(chunk) for _, chunk in chunks]
    assert len(chunks) == 3
    assert raw.endswith(b"\r\n0\r\n\r\n")


async def test_metrics_bear_the_names_types_and_labels_of_tgi(
    session: aiohttp.ClientSession, server: ModelServer
) -> None:
    async with session.post(f"{server.url}/generate", json=SHORT) as reply:
        assert reply.status == 200
    known = json.loads((GOLDEN / "metrics.json").read_text())
    page = server.metrics()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    assert {name: known[name]["type"] for name in types} == types
    wanted = {name for name in known if name.startswith("tgi_request_")} - {"tgi_request_skipped_tokens"}
    assert wanted <= set(types)


async def test_metrics_count_requests_as_tgi_does(session: aiohttp.ClientSession) -> None:
    with model_server("--timed") as server:
        assert server.metrics() == ""
        messages = [{"role": "user", "content": "Hi"}]
        for path, body, total in (
            ("/v1/chat/completions", {"messages": messages, "max_tokens": 2}, 2),
            ("/v1/completions", {"prompt": ["a", "b"], "max_tokens": 2}, 5),
            ("/generate", {"inputs": ""}, 6),
            ("/generate", {"nothing": ""}, 6),
            ("/chat_tokenize", {"messages": messages}, 7),
            ("/tokenize", {"inputs": "a"}, 7),
        ):
            async with session.post(f"{server.url}{path}", json=body) as reply:
                await reply.read()
            assert counted(server, "tgi_request_count") == total
        assert counted(server, "tgi_request_success") == 3
        assert counted(server, 'tgi_request_failure{err="validation"}') == 1


@pytest.mark.parametrize("kind", ["timed", "embedded"])
async def test_sigterm_closes_the_listener_and_lets_running_answers_finish(
    session: aiohttp.ClientSession, kind: str
) -> None:
    with model_server(*OPTIONS[kind]) as server:
        body = {"inputs": "Hi", "parameters": {"max_new_tokens": 40}}
        async with session.post(f"{server.url}/generate_stream", json=body) as reply:
            first = await reply.content.readline()
            server.process.send_signal(signal.SIGTERM)
            await eventually(lambda: not listens(server.port))
            events = [first] + [each async for each in reply.content]
        last = json.loads([each for each in events if each.startswith(b"data: ")][-1][6:])
        assert last["generated_text"] is not None
        assert await asyncio.to_thread(server.process.wait, 45) == 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_grammars_and_tools_are_refused_where_they_are_disabled(session: aiohttp.ClientSession) -> None:
    refused = {"error": "Input validation error: grammar is not supported", "error_type": "validation"}
    grammar = {"type": "json", "value": {"properties": {"a": {"type": "string"}}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": grammar["value"]}}
    messages = [{"role": "user", "content": "Hi"}]
    with model_server("--timed", "--disable-grammar-support") as server:
        for path, body in (
            ("/generate", {"inputs": "Hi", "parameters": {"grammar": grammar}}),
            ("/v1/chat/completions", {"messages": messages, "response_format": grammar}),
            ("/v1/chat/completions", {"messages": messages, "tools": [tool]}),
        ):
            async with session.post(f"{server.url}{path}", json=body) as reply:
                assert (reply.status, await reply.json()) == (422, refused)


async def test_a_silent_stream_is_kept_alive_by_comments(session: aiohttp.ClientSession) -> None:
    options, clock, engine = Options(keep_alive_s=0.05), ManualClock(), TimedEngine(Knobs(answer_tokens=2))
    engine.faults = [Fault(kind="hold", after_tokens=1)]
    service = Service(options, engine, clock, Metrics(options), ChatTemplate(CHATML, clock))
    async with TestServer(application(service)) as server:
        async with session.post(server.make_url("/generate_stream"), json=SHORT) as reply:
            lines = []
            async for line in reply.content:
                lines.append(line)
                if lines.count(b":\n") == 2:
                    engine.release()
        events = [each for each in lines if each.startswith(b"data: ")]
        assert len(events) == 2
        assert lines.index(b":\n") > lines.index(events[0])


@pytest.mark.parametrize(
    ("template", "counted_as"), [("", ""), ("{{ raise_exception('No') }}", 'tgi_request_failure{err="template"} 1')]
)
async def test_a_template_that_refuses_is_counted_and_a_missing_one_is_not(
    session: aiohttp.ClientSession, template: str, counted_as: str
) -> None:
    options, clock, engine = Options(), ManualClock(), TimedEngine(Knobs())
    service = Service(options, engine, clock, Metrics(options), ChatTemplate(template, clock))
    async with TestServer(application(service)) as server:
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        async with session.post(server.make_url("/v1/chat/completions"), json=body) as reply:
            assert (reply.status, (await reply.json())["error_type"]) == (422, "template_error")
    failures = [each for each in service.metrics.render().splitlines() if each.startswith("tgi_request_failure")]
    assert failures == [counted_as] * bool(counted_as)
