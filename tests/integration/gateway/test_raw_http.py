"""The gateway against bytes that no well-behaved client sends: two readings of one request, and endless ones."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from infra.settings import KafkaSettings, RedisSettings
from tests.support.gateway import MODEL, RunningGateway, a_gateway
from tests.support.raw import connected, exchanged, responses

NEXT = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
"""What an attacker would have answered in somebody else's name."""


def post(*fields: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join((b"POST /v1/jobs " + version, b"Host: a", *fields, b"", body))


CHUNKED = b"Transfer-Encoding: chunked"
TWO_READINGS = {
    "both lengths": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
    "both lengths, the other way round": post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 44"),
    "the same length twice": post(b"Content-Length: 0", b"Content-Length: 0"),
    "a list of lengths": post(b"Content-Length: 0, 0"),
    "a length with a sign": post(b"Content-Length: +0"),
    "a length in another base": post(b"Content-Length: 0x0"),
    "a length below nothing": post(b"Content-Length: -1"),
    "a length beyond all numbers": post(b"Content-Length: 99999999999999999999999"),
    "no length at all": post(b"Content-Length: "),
    "an encoding that is not ours": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "chunks that are not last": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "another encoding before the chunks": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "two encodings": post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "a name with a space behind": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "an encoding behind a control character": post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"),
    "chunks in HTTP/1.0": post(CHUNKED, b"Connection: keep-alive", body=b"0\r\n\r\n", version=b"HTTP/1.0"),
    "a chunk without a size": post(CHUNKED, body=b"zz\r\n\r\n0\r\n\r\n"),
    "a chunk in another base": post(CHUNKED, body=b"0x0\r\n\r\n"),
    "a chunk below nothing": post(CHUNKED, body=b"-1\r\n\r\n"),
    "a chunk beyond all numbers": post(CHUNKED, body=b"fffffffffffffffffffff\r\n\r\n"),
    "a chunk longer than it says": post(CHUNKED, body=b"1\r\nab\r\n0\r\n\r\n"),
    "chunks with bare line feeds": post(CHUNKED, body=b"0\n\n"),
    "a chunk's extension with a bare line feed": post(CHUNKED, body=b"0;a\nb\r\n\r\n"),
    "bare line feeds": b"POST /v1/jobs HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
    "a bare carriage return": b"POST /v1/jobs HTTP/1.1\rHost: a\r\nContent-Length: 0\r\n\r\n",
    "a folded line": post(b"X-A: b", b" Content-Length: 44", b"Content-Length: 0"),
    "a folded encoding": post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"),
    "a zero byte": post(b"X-A: b\x00c", b"Content-Length: 0"),
    "a space in a name": post(b"X A: b", b"Content-Length: 0"),
    "two hosts": post(b"Host: b", b"Content-Length: 0"),
    "no host": b"POST /v1/jobs HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "a version that is none": post(b"Content-Length: 0", version=b"HTTP/1.12"),
}


async def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(gateway: RunningGateway) -> None:
    for name, said in TWO_READINGS.items():
        answers = await exchanged(gateway.url, said + NEXT)
        assert [status for status, _ in answers] == [400], (name, answers)
        assert json.loads(answers[0][1])["error"]["type"] == "invalid_request_error", name


async def test_a_version_that_is_not_spoken_is_refused_in_one_that_is(gateway: RunningGateway) -> None:
    for version in (b"HTTP/2.0", b"HTTP/0.9"):
        async with connected(gateway.url) as raw:
            await raw.send(b"GET /healthz %s\r\nHost: a\r\n\r\n" % version)
            said = await raw.rest()

        assert said.startswith(b"HTTP/1.0 505 "), (version, said)
        (answer,) = responses(said)
        assert json.loads(answer[1])["error"]["message"] == "HTTP/1.1 is spoken here."


async def test_a_chunk_that_is_none_ends_the_connection_also_when_the_handler_waits_for_it(
    gateway: RunningGateway,
) -> None:
    key = b"Authorization: Bearer " + gateway.key.api_key.encode()
    async with connected(gateway.url) as raw:
        await raw.send(post(CHUNKED, b"Content-Type: application/json", key, body=b'3\r\n{"a\r\n'))
        await asyncio.sleep(0.05)
        await raw.send(b"zz\r\n\r\n0\r\n\r\n" + NEXT)
        answers = responses(await raw.rest())

    assert [status for status, _ in answers] == [400]


async def test_requests_that_follow_one_another_are_answered_in_their_order(gateway: RunningGateway) -> None:
    body = b'{"model":"nobody"}'
    key = b"Authorization: Bearer " + gateway.key.api_key.encode()
    fields = (key, b"Content-Type: application/json", b"Content-Length: %d" % len(body))
    answers = await exchanged(gateway.url, post(*fields, body=body) + post(b"Content-Length: 0") + NEXT)

    assert [status for status, _ in answers] == [404, 401, 200]


@pytest.mark.parametrize("encoding", [b"x-gzip", b"br"])
async def test_a_body_that_we_do_not_unpack_is_refused_by_the_name_of_the_header(
    gateway: RunningGateway, encoding: bytes
) -> None:
    """`br` is refused by the parser already, where Brotli is not installed."""
    answers = await exchanged(
        gateway.url, post(b"Content-Encoding: " + encoding, b"Content-Length: 2", body=b"{}") + NEXT
    )

    assert (answers[0][0], json.loads(answers[0][1])["error"]["param"]) == (415, "Content-Encoding")


async def test_what_is_said_of_a_body_is_judged_before_it_comes(gateway: RunningGateway) -> None:
    """Who is told to go on (100) sends it; all others are told at once why not."""
    key = b"Authorization: Bearer " + gateway.key.api_key.encode()
    asks, huge, small = b"Expect: 100-continue", b"Content-Length: 2000000000", b"Content-Length: 2"
    told = []
    for said in (
        post(key, huge),
        post(key, huge, asks),
        post(key, huge, asks).replace(b"jobs", b"files"),
        post(huge, asks),
        post(key, small, b"Expect: foo"),
        post(key, small, asks),
    ):
        async with connected(gateway.url) as raw:
            await raw.send(said)
            async with asyncio.timeout(45):
                told.append(int((await raw.reader.readline()).split()[1]))

    assert told == [413, 413, 413, 401, 417, 100]


@pytest.mark.parametrize("expected", [b"foo", b"100-continue"])
async def test_an_expectation_where_nobody_answers_is_told_so_in_our_shape(
    gateway: RunningGateway, expected: bytes
) -> None:
    told = []
    for line in (b"POST /v1/nothing", b"PUT /v1/jobs"):
        said = post(b"Content-Length: 2", b"Expect: " + expected).replace(b"POST /v1/jobs", line)
        async with connected(gateway.url) as raw, asyncio.timeout(45):
            await raw.send(said)
            told += responses(await raw.reader.readuntil(b"}}"))

    assert [status for status, _ in told] == [404, 405]
    assert [set(json.loads(body)["error"]) for _, body in told] == [{"message", "type", "param", "code"}] * 2


@pytest.mark.parametrize("opening", ["[", '{"a":'])
async def test_a_body_nested_without_end_is_refused(gateway: RunningGateway, opening: str) -> None:
    deep = opening * 100_000
    body = f'{{"model": "{MODEL}", "messages": {deep}'.encode()
    async with gateway.http.post(
        f"{gateway.url}/v1/jobs", data=body, headers={"Content-Type": "application/json"}
    ) as response:
        assert (response.status, (await response.json())["error"]["type"]) == (400, "invalid_request_error")


@pytest.fixture
async def hasty(log_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[RunningGateway]:
    """A gateway of little patience."""
    async with a_gateway(log_settings, redis_settings, head_timeout_s=0.3, idle_timeout_s=3.0) as running:
        yield running


async def test_a_head_that_trickles_is_not_waited_for(hasty: RunningGateway) -> None:
    """Neither the first of a connection nor a later one."""
    head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"x" * 100
    async with connected(hasty.url) as later:
        await later.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await later.reader.readuntil(b'"ok"}')
        async with connected(hasty.url) as first:
            answers = await asyncio.gather(*(each.told_while_trickling(head, 0.03) for each in (first, later)))

    for answer in map(responses, answers):
        assert [status for status, _ in answer] == [408]
        assert json.loads(answer[0][1])["error"]["code"] == "request_timeout"


async def test_a_body_that_trickles_is_not_waited_for_and_one_that_gets_on_is(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    fields = (b"Content-Type: application/json", b"Content-Length: 300000")
    # In all the steady one takes longer than that; each of its steps may come some seconds late, and is in time still.
    async with a_gateway(log_settings, redis_settings, body_timeout_s=4.0) as gateway:
        key = b"Authorization: Bearer " + gateway.key.api_key.encode()
        async with connected(gateway.url) as slow, connected(gateway.url) as steady:
            await slow.send(post(key, *fields))
            await steady.send(post(key, *fields))
            trickling = asyncio.create_task(slow.told_while_trickling(b" " * 200, 0.1))
            for _ in range(4):
                await steady.send(b" " * 75_000)
                await asyncio.sleep(1.1)
            steadily = await steady.reader.readline()

            assert [status for status, _ in responses(await trickling)] == [408]
    assert steadily.startswith(b"HTTP/1.1 400 "), "read to its end, and no JSON"


async def test_a_connection_that_says_nothing_is_closed_and_a_stream_is_not(hasty: RunningGateway) -> None:
    job = (await hasty.post("/v1/jobs", {"model": MODEL, "input": "Why?"})).json["id"]
    async with connected(hasty.url) as idle, connected(hasty.url) as stream:
        key = b"Authorization: Bearer " + hasty.key.api_key.encode()
        await stream.send(b"GET /v1/jobs/%s/events HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n" % (job.encode(), key))
        assert await idle.rest() == b""
        assert not stream.reader.at_eof()
        await stream.reader.readuntil(b"\r\n\r\n")
        await hasty.post(f"/v1/jobs/{job}/cancel", {})
        await stream.reader.readuntil(b"event: done")
