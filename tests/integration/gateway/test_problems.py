"""What goes wrong is told in one shape, and bad input never is our fault."""

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from tests.support.gateway import MODEL, Answer, RunningGateway

PROMPT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}


def whole(answer: Answer) -> dict[str, Any]:
    """The error of a response that has the one shape."""
    assert list(answer.json) == ["error"], answer.content
    error: dict[str, Any] = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert answer.headers["x-request-id"]
    return error


async def test_a_request_without_a_known_key_is_refused(gateway: RunningGateway) -> None:
    for header in (None, "Bearer wrong", "Basic abc", "Bearer ", "nonsense"):
        async with aiohttp.ClientSession(headers={"Authorization": header} if header else {}) as http:
            for path in ("/v1/models", "/v1/jobs/job_x"):
                async with http.get(f"{gateway.url}{path}") as response:
                    answer = await Answer.of(response)
                error = whole(answer)
                assert (answer.status, error["type"], error["code"]) == (401, "authentication_error", "invalid_api_key")
                assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_what_is_not_there_is_told_in_the_one_shape(gateway: RunningGateway) -> None:
    unknown = await gateway.get("/v1/nothing")
    no_job = await gateway.get("/v1/jobs/job_x")
    no_model = await gateway.post("/v1/jobs", PROMPT | {"model": "gpt-99"})
    async with gateway.http.delete(f"{gateway.url}/v1/jobs/job_x") as response:
        wrong_method = await Answer.of(response)
    async with gateway.http.options(f"{gateway.url}/v1/chat/completions") as response:
        options = await Answer.of(response)
    async with gateway.http.head(f"{gateway.url}/v1/models") as response:
        head = await Answer.of(response)

    assert (unknown.status, whole(unknown)["code"]) == (404, "unknown_url")
    assert (no_job.status, whole(no_job)["type"]) == (404, "invalid_request_error")
    assert (no_model.status, whole(no_model)["code"], whole(no_model)["param"]) == (404, "model_not_found", "model")
    assert (wrong_method.status, wrong_method.headers["Allow"]) == (405, "GET, HEAD")
    assert whole(wrong_method)["type"] == "invalid_request_error"
    assert (options.status, options.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert (head.status, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/chat/completions"])
async def test_a_body_that_is_no_prompt_is_refused(gateway: RunningGateway, path: str) -> None:
    cases: list[tuple[bytes, str, int, str | None]] = [
        (b"", "application/json", 400, None),
        (b"{", "application/json", 400, None),
        (b"[]", "application/json", 400, None),
        (b"null", "application/json", 400, None),
        (b'"text"', "application/json", 400, None),
        (b"\xff\xfe{}", "application/json", 400, None),
        (b'{"model": "\\ud800"}', "application/json", 400, None),
        (b'{"logit_bias":' + b"[" * 100_000, "application/json", 400, None),
        (b"{}", "application/json", 400, "model"),
        (json.dumps(PROMPT).encode(), "text/plain", 415, None),
        (json.dumps(PROMPT).encode(), "application/x-www-form-urlencoded", 415, None),
        (json.dumps(PROMPT).encode(), "application/json; charset=utf-16", 415, None),
        (json.dumps(PROMPT | {"user": "x" * 1_100_000}).encode(), "application/json", 413, None),
    ]
    for body, content_type, status, param in cases:
        headers = {"Content-Type": content_type}
        async with gateway.http.post(f"{gateway.url}{path}", data=io.BytesIO(body), headers=headers) as response:
            answer = await Answer.of(response)
        error = whole(answer)
        assert (answer.status, error["param"]) == (status, param), (body[:60], answer.content)
        assert error["type"] == "invalid_request_error"


async def test_a_cancel_with_too_large_a_body_is_refused_as_any_other(gateway: RunningGateway) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]

    body = io.BytesIO(b"x" * 1_100_000)
    async with gateway.http.post(f"{gateway.url}/v1/jobs/{job_id}/cancel", data=body) as response:
        answer = await Answer.of(response)

    assert (answer.status, whole(answer)["code"]) == (413, "body_too_large")
    assert (await gateway.get(f"/v1/jobs/{job_id}")).json["status"] == "queued"


async def test_a_compressed_body_is_read_and_a_broken_one_refused(gateway: RunningGateway) -> None:
    packed = zlib.compress(json.dumps(PROMPT).encode())
    bomb = zlib.compress(b" " * 50_000_000)
    statuses = []
    for body in (packed, b"no zlib at all", packed[:-8], bomb):
        headers = {"Content-Type": "application/json", "Content-Encoding": "deflate"}
        async with gateway.http.post(f"{gateway.url}/v1/jobs", data=body, headers=headers, compress=None) as response:
            statuses.append(response.status)
            if response.status != 202:
                whole(await Answer.of(response))

    assert statuses == [202, 400, 400, 413]


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate without its header": lambda body: zlib.compress(body, wbits=-zlib.MAX_WBITS),
}


@pytest.mark.parametrize("way", list(PACKED))
@pytest.mark.parametrize("cut", [1, 4, 6, 8, 9])
async def test_a_packed_body_that_breaks_off_is_refused_whatever_it_says_up_to_there(
    gateway: RunningGateway, way: str, cut: int
) -> None:
    body = PACKED[way](json.dumps(PROMPT).encode())[:-cut]
    headers = {"Content-Type": "application/json", "Content-Encoding": way.partition(" ")[0]}
    told = []
    for pieces in ([body], [body[:-10], body[-10:]]):
        async with gateway.http.post(f"{gateway.url}/v1/jobs", data=in_pieces(pieces), headers=headers) as response:
            told.append((response.status, whole(await Answer.of(response))["message"]))

    assert told == [(400, "The body is not what its Content-Encoding says.")] * 2


async def test_a_body_packed_in_several_is_read_whole_and_refused_where_the_last_breaks_off(
    gateway: RunningGateway,
) -> None:
    body = json.dumps(PROMPT).encode()
    first, last = gzip.compress(body[:20]), gzip.compress(body[20:])
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    statuses = []
    for pieces in ([first + last], [first, last], [first, last[:-1]], [first, last, last[:5]]):
        async with gateway.http.post(f"{gateway.url}/v1/jobs", data=in_pieces(pieces), headers=headers) as response:
            statuses.append(response.status)

    assert statuses == [202, 202, 400, 400]


async def in_pieces(pieces: list[bytes]) -> AsyncIterator[bytes]:
    """A body that comes so."""
    for each in pieces:
        yield each


async def test_bytes_that_are_no_http_are_refused_in_the_one_shape(gateway: RunningGateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    for said, status, message in (
        (b"NONSENSE\r\n\r\n", 400, "not valid HTTP"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "not valid HTTP"),
        (
            b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
            400,
            "not valid HTTP",
        ),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "URL is longer than 8192 bytes"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: /" + b"x" * 20_000 + b"\r\n\r\n", 431, "longer than 16384 bytes"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: x\r\n" * 500 + b"\r\n", 431, "more than 128 headers"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X" * 20_000 + b": x\r\n\r\n", 431, "longer than 16384 bytes"),
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(said)
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        head, _, body = answer.partition("\r\n\r\n")
        assert head.split(" ")[1] == str(status), answer
        assert "x-request-id: " in head.lower()
        error = json.loads(body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert message in error["message"]


async def test_a_key_that_is_no_text_is_an_unknown_key(gateway: RunningGateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer \xe9\xff\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_every_response_carries_the_requests_name(gateway: RunningGateway) -> None:
    given = await gateway.get("/v1/models", X_Request_Id="my-request.1")
    made = await gateway.get("/v1/models")
    insane = await gateway.get("/v1/models", X_Request_Id="a b\tc" + "d" * 300)
    unknown = await gateway.get("/nothing", X_Request_Id="my-request.2")

    assert given.headers["x-request-id"] == "my-request.1"
    assert made.headers["x-request-id"].startswith("req_")
    assert insane.headers["x-request-id"].startswith("req_")
    assert unknown.headers["x-request-id"] == "my-request.2"


async def test_an_idempotency_key_must_be_one(gateway: RunningGateway) -> None:
    statuses = []
    for key in ("", '""', "x" * 256, '"open', "k" * 255):
        answer = await gateway.post("/v1/jobs", PROMPT, Idempotency_Key=key)
        statuses.append(answer.status)

    assert statuses == [400, 400, 400, 400, 202]


async def test_an_unexpected_expectation_is_refused(gateway: RunningGateway) -> None:
    answer = await gateway.post("/v1/jobs", PROMPT, Expect="the-unexpected")

    assert (answer.status, whole(answer)["code"]) == (417, "expectation_failed")


async def test_a_query_that_is_not_known_is_refused_not_passed_over(gateway: RunningGateway) -> None:
    lists = ("models", "files", "batches", "conversations", "jobs", "chat/completions", "chat/completions/chatcmpl-1")
    answers = [await gateway.get(f"/v1/{each}?x=1") for each in lists]
    answers.append(await gateway.post("/v1/jobs?x=1", PROMPT))
    answers.append(await gateway.get("/v1/files?include_obfuscation=false"))

    assert [(each.status, whole(each)["param"]) for each in answers[:-1]] == [(400, "x")] * 8
    assert answers[-1].status == 200
