"""No key, secret or word of a prompt is in the gateway's log, whatever goes wrong with a request."""

import logging

import pytest

from infra.telemetry.logging import JsonLines, TextLines
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway
from tests.support.raw import exchanged

CANARY = "canary-"
"""Put into everything that nobody may read in a log."""


async def test_the_log_of_a_busy_gateway_holds_no_secret_and_no_word_of_a_prompt(
    gateway: RunningGateway, worker: PlayedWorker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        ticket = await _everything_goes_wrong(gateway, worker)
    lines = [form.format(each) for form in (JsonLines("gateway"), TextLines("gateway")) for each in caplog.records]

    assert [each for each in caplog.records if each.exc_info], "a failure of ours was logged with its traceback"
    assert [each for each in lines if "one address sends unknown API keys" in each]
    for line in lines:
        for secret in (CANARY, gateway.key.api_key, gateway.key.webhook_secret, ticket):
            assert secret not in line


async def _everything_goes_wrong(gateway: RunningGateway, worker: PlayedWorker) -> str:
    """A run with canaries in it, from what succeeds to what we do not even expect; a ticket that was used in it."""
    prompt = {"model": MODEL, "messages": [{"role": "user", "content": f"{CANARY}prompt"}]}
    webhook = {"url": f"https://example.com/{CANARY}path?token={CANARY}token"}
    told = {"webhook": webhook, "metadata": {"name": f"{CANARY}metadata"}}
    job = (await gateway.post("/v1/jobs", prompt | told, Idempotency_Key=f"{CANARY}once")).json["id"]
    await worker.answer(f"{CANARY}answer")
    await gateway.post(f"/v1/jobs/{job}/feedback", {"kind": "comment", "value": f"{CANARY}comment"})
    items = {"items": [{"role": "user", "content": f"{CANARY}item"}]}
    await gateway.post("/v1/conversations", {"title": f"{CANARY}title"} | items)
    for body in ({"model": f"{CANARY}model"}, {f"{CANARY}field": 1}, prompt | {"temperature": f"{CANARY}value"}):
        assert (await gateway.post("/v1/jobs", body)).status in {400, 404}
    await gateway.get(f"/v1/models?api_key={CANARY}key")
    ticket = str((await gateway.post("/v1/tickets", {"path": f"/v1/jobs/{job}/events"})).json["ticket"])
    async with gateway.http.get(
        f"{gateway.url}/v1/jobs/{job}/events?ticket={ticket}", headers={"Authorization": ""}
    ) as response:
        await response.read()
    number = 0
    while (await gateway.get("/v1/models", Authorization=f"Bearer {CANARY}{number}")).status != 429:
        number += 1
    await exchanged(gateway.url, f"GET /?{CANARY} HTTP/9.9\r\nAuthorization: Bearer {CANARY}\r\n\r\n".encode())
    # What lies in Redis is none of ours any more: a failure that nobody planned.
    await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}job:{job}", "ending", f"{CANARY}ending")
    assert (await gateway.get(f"/v1/jobs/{job}")).status == 500
    return ticket
