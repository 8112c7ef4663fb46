"""What a webhook tells and how it is signed, checked with the libraries that receivers use."""

import base64
from typing import Any

import msgspec
import pytest
from openai import OpenAI
from standardwebhooks import Webhook

from infra import signing
from infra.errors import WrongSetting
from producers import webhook_ids
from producers.events import BatchEnded, BatchStatus, Terminal
from producers.events import Webhook as Where
from stream_workers.webhooks import payload
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
PROMPT = a_prompt(webhook=Where("https://example.com/hook"), metadata={"order": "7"})
PUBLISHED_MS = 1_767_225_600_123.0


def test_the_standard_webhooks_library_accepts_our_signature() -> None:
    body = payload.body(a_completed(PROMPT), PUBLISHED_MS)
    headers = signing.headers(SECRET, "msg_1", int(CLOCK.now_ms() / 1000), body)

    told = Webhook(SECRET).verify(body, headers)

    assert told["type"] == "job.completed"
    assert told["timestamp"] == "2026-01-01T00:00:00.123Z"
    assert told["data"]["id"] == PROMPT.job_id
    assert told["data"]["metadata"] == {"order": "7"}


def test_openais_client_unwraps_our_webhook() -> None:
    body = payload.body(a_completed(PROMPT), PUBLISHED_MS)
    headers = signing.headers(SECRET, "msg_1", int(CLOCK.now_ms() / 1000), body)

    with OpenAI(api_key="none", webhook_secret=SECRET) as client:
        event: Any = client.webhooks.unwrap(body.decode(), headers)

    assert event.data.id == PROMPT.job_id
    assert (event.object, event.created_at) == ("event", int(PUBLISHED_MS / 1000))


def test_the_body_is_the_same_bytes_whenever_it_is_made_and_carries_no_answer() -> None:
    answer = a_completed(PROMPT, "a secret answer")
    again = msgspec.json.decode(msgspec.json.encode(answer), type=type(answer))

    assert payload.body(answer, PUBLISHED_MS) == payload.body(again, PUBLISHED_MS)
    assert b"secret" not in payload.body(answer, PUBLISHED_MS)
    assert len(payload.body(answer, PUBLISHED_MS)) < 20_000


def test_each_ending_has_its_own_type_and_the_id_follows_from_job_url_and_type() -> None:
    endings: list[Terminal] = [
        a_completed(PROMPT),
        a_failed(PROMPT),
        a_cancelled(PROMPT),
        a_cancelled(PROMPT, ran=True),
    ]

    kinds = [webhook_ids.type_of(each) for each in endings]

    assert kinds == ["job.completed", "job.failed", "job.aborted", "job.cancelled"]
    assert len({webhook_ids.id_of(PROMPT.job_id, "https://a/", kind) for kind in kinds}) == 4
    assert webhook_ids.id_of("job_1", "https://a/", "job.failed") == webhook_ids.id_of(
        "job_1", "https://a/", "job.failed"
    )
    assert webhook_ids.id_of("job_1", "https://a/", "job.failed").startswith("msg_")


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "expired"])
def test_openais_client_knows_what_became_of_a_batch(status: BatchStatus) -> None:
    ended = BatchEnded(
        batch_id="batch_1", tenant="acme", status=status, completed=2, output_file_id="file-1", metadata={"run": "7"}
    )
    body = payload.body(ended, PUBLISHED_MS, "https://us.example/")
    headers = signing.headers(SECRET, "msg_1", int(CLOCK.now_ms() / 1000), body)

    with OpenAI(api_key="none", webhook_secret=SECRET) as client:
        event: Any = client.webhooks.unwrap(body.decode(), headers)

    assert type(event).__name__ == f"Batch{status.title()}WebhookEvent"
    assert event.data.id == "batch_1"
    data = msgspec.json.decode(body)["data"]
    assert (data["status"], data["metadata"], data["error_file_id"]) == (status, {"run": "7"}, None)
    assert data["urls"] == {
        "self": "https://us.example/v1/batches/batch_1", "output": "https://us.example/v1/files/file-1/content",
    }  # fmt: skip


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_???"])
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(WrongSetting):
        signing.headers(secret, "msg_1", 1, b"{}")
