"""The webhook receiver for development, held to the Standard Webhooks library."""

import base64
import json
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestClient, TestServer
from standardwebhooks import Webhook

from infra.clock import ManualClock
from infra.local.receiver import create_app
from infra.signing import refusal

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = json.dumps({"type": "job.completed", "data": {"id": "job_1"}})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def signed(clock: ManualClock, secret: str = SECRET, body: str = BODY) -> dict[str, str]:
    at = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body),
    }


def refused(clock: ManualClock, headers: dict[str, str], body: str = BODY) -> str | None:
    return refusal((SECRET,), headers, body.encode(), now_s=clock.now_ms() / 1000)


def test_what_the_library_signs_is_accepted(clock: ManualClock) -> None:
    assert refused(clock, signed(clock)) is None


def test_one_of_several_signatures_is_enough(clock: ManualClock) -> None:
    headers = signed(clock)
    headers["webhook-signature"] = f"v1,b2xk v1a,eA== {headers['webhook-signature']}"

    assert refused(clock, headers) is None


def test_another_secret_another_body_and_an_old_timestamp_are_refused(clock: ManualClock) -> None:
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    headers = signed(clock)

    assert refused(clock, signed(clock, other)) == "no signature matches"
    assert refused(clock, headers, BODY + " ") == "no signature matches"
    clock.advance(301)
    assert refused(clock, headers) == "the timestamp is more than 300 s away"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_headers_are_refused(clock: ManualClock, missing: str) -> None:
    headers = signed(clock)
    del headers[missing]

    assert "missing or malformed" in (refused(clock, headers) or "")


async def test_what_arrived_is_shown(clock: ManualClock) -> None:
    async with TestClient(TestServer(create_app(SECRET, clock))) as client:
        assert (await client.post("/", data=BODY, headers=signed(clock))).status == 204
        assert (await client.post("/any/path", data=b"\xff", headers=signed(clock))).status == 401

        shown = await (await client.get("/received")).json()

    assert [(each["webhook_id"], each["refused"], each["payload"]) for each in shown["received"]] == [
        ("msg_1", None, json.loads(BODY)),
        ("msg_1", "no signature matches", None),
    ]
