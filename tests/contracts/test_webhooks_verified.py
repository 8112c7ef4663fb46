"""Whoever receives our webhooks verifies them: held to the Standard Webhooks library."""

import base64
import json
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import make_mocked_request
from standardwebhooks import Webhook

from gateway.client import WrongWebhook, webhooks
from infra.clock import ManualClock
from infra.errors import WrongSetting
from producers.events import Webhook as Where
from stream_workers.webhooks import payload
from tests.support.builders import a_completed, a_prompt

OLD, NEW, OTHER = ("whsec_" + base64.b64encode(bytes([each] * 32)).decode() for each in range(3))
PROMPT = a_prompt(webhook=Where("https://example.com/hook"), metadata={"order": "7"})
BODY = payload.body(a_completed(PROMPT), 1_767_225_600_123.0)
CLOCK = ManualClock()


def signed(*secrets: str, seconds_ago: float = 0, body: bytes = BODY) -> dict[str, str]:
    at = datetime.fromtimestamp(CLOCK.now_ms() / 1000 - seconds_ago, UTC)
    signatures = [Webhook(each).sign("msg_1", at, body.decode()) for each in secrets]
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def test_what_the_library_signs_is_ours_and_says_which_job_ended() -> None:
    found = webhooks.verify(BODY, signed(NEW), NEW, clock=CLOCK)

    assert (found.webhook_id, found.type) == ("msg_1", "job.completed")
    assert (found.data.id, found.data.status, found.data.metadata) == (PROMPT.job_id, "completed", {"order": "7"})
    titled = {name.title(): value for name, value in signed(NEW).items()}
    arrived = make_mocked_request("POST", "/", headers=titled)
    assert webhooks.verify(BODY.decode(), arrived.headers, NEW, clock=CLOCK) == found
    assert webhooks.verify(BODY, titled, NEW, clock=CLOCK) == found


def test_while_a_secret_is_replaced_either_of_both_sides_may_know_two() -> None:
    assert webhooks.verify(BODY, signed(OLD, NEW), NEW, clock=CLOCK).webhook_id == "msg_1"
    assert webhooks.verify(BODY, signed(OLD), (NEW, OLD), clock=CLOCK).webhook_id == "msg_1"
    assert webhooks.verify(BODY, signed(NEW), (NEW, OLD), clock=CLOCK).webhook_id == "msg_1"
    with pytest.raises(WrongWebhook):
        webhooks.verify(BODY, signed(OTHER), (NEW, OLD), clock=CLOCK)


@pytest.mark.parametrize("seconds_ago", [301, -302, 10**9])
def test_what_is_too_old_or_from_the_future_is_not_ours(seconds_ago: float) -> None:
    with pytest.raises(WrongWebhook, match="timestamp"):
        webhooks.verify(BODY, signed(NEW, seconds_ago=seconds_ago), NEW, clock=CLOCK)


def test_how_old_it_may_be_can_be_said() -> None:
    assert webhooks.verify(BODY, signed(NEW, seconds_ago=500), NEW, 600, clock=CLOCK).webhook_id == "msg_1"
    with pytest.raises(WrongWebhook):
        webhooks.verify(BODY, signed(NEW, seconds_ago=50), NEW, 10, clock=CLOCK)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-id": "\ud800"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "-5"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v2,b2xk é"},
    ],
)
def test_what_was_changed_on_the_way_is_not_ours(change: dict[str, str]) -> None:
    with pytest.raises(WrongWebhook):
        webhooks.verify(BODY, signed(NEW) | change, NEW, clock=CLOCK)


def test_another_body_is_not_ours_and_neither_is_one_that_tells_of_no_job() -> None:
    with pytest.raises(WrongWebhook, match="no signature matches"):
        webhooks.verify(BODY + b" ", signed(NEW), NEW, clock=CLOCK)
    for body in (b"[1]", b"no JSON", json.dumps({"type": "x", "data": {}}).encode()):
        with pytest.raises(WrongWebhook, match="no job"):
            webhooks.verify(body, signed(NEW, body=body), NEW, clock=CLOCK)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_\u00e9", ("whsec_???",)])
def test_what_is_no_secret_is_said_to_be_none(secret: str) -> None:
    with pytest.raises(WrongSetting):
        webhooks.verify(BODY, signed(NEW), secret, clock=CLOCK)
