"""HTTP/1.1 at its edges, by hand; what is refused there: tests/integration/gateway/test_raw_http.py."""

import json
from typing import Any

import pytest

from tests.support.gateway import MODEL, RunningGateway
from tests.support.wire import a_line

BODY = json.dumps({"model": MODEL, "input": "Why?"}).encode()
HEAD = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def error_of(body: bytes) -> Any:
    """The error, in the one shape."""
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + LENGTH + BODY,
        HEAD + CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        HEAD + CHUNKED + b"5;a=b\r\n%s\r\n%x\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (BODY[:5], len(BODY) - 5, BODY[5:]),
        HEAD.replace(b"Host", b"hOsT").replace(b"Content-Type: ", b"content-type:\t") + LENGTH + BODY,
        HEAD.replace(b"/v1/jobs", b"http://elsewhere/v1/jobs") + LENGTH + BODY,
        b"\r\n" + HEAD + LENGTH + BODY,
    ],
)
async def test_a_request_may_be_written_in_all_its_ways(gateway: RunningGateway, request_: bytes) -> None:
    async with a_line(gateway) as line:
        line.say(request_)
        head = await line.head()
        job = json.loads(await line.body(head))

    assert (head.status, job["status"]) == (202, "queued")
    assert head.headers["location"] == f"/v1/jobs/{job['id']}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/jobs", {"GET", "HEAD", "POST"}),
        ("DELETE", "/v1/chat/completions", {"GET", "HEAD", "POST"}),
        ("PATCH", "/healthz", {"GET", "HEAD"}),
    ],
)
async def test_a_method_that_is_not_served_is_told_which_are(
    gateway: RunningGateway, method: str, path: str, allowed: set[str]
) -> None:
    async with a_line(gateway) as line:
        line.say(f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{key}}\r\n\r\n".encode())
        head = await line.head()
        error = error_of(await line.body(head))

    assert (head.status, error["code"]) == (405, "method_not_allowed")
    assert set(head.headers["allow"].split(", ")) == allowed


async def test_without_a_key_the_scheme_is_named(gateway: RunningGateway) -> None:
    async with a_line(gateway) as line:
        line.say(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await line.head()

    assert (head.status, head.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_body_waits_for_its_continue(gateway: RunningGateway) -> None:
    async with a_line(gateway) as line:
        line.say(HEAD + b"Expect: 100-continue\r\n" + LENGTH)
        interim = await line.head()
        line.say(BODY)
        head = await line.head()
        await line.body(head)

    assert (interim.status, head.status) == (100, 202)


async def test_a_request_that_is_never_finished_makes_nothing(gateway: RunningGateway) -> None:
    async with a_line(gateway) as line:
        line.say(HEAD + LENGTH + BODY[:-1])
    listed = await gateway.get("/v1/jobs")

    assert listed.json["data"] == []
