"""How often a key may ask: submits and other writes by one budget, reads by another; told on every response."""

import asyncio
import re
from typing import Any

import pytest

from gateway.keys import REGISTRY
from producers.events import Limits, TenantDefined, Usage
from tests.support.filling import Filling
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, events_of

PROMPT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}
WRITES = [
    ("/v1/jobs/job_x/feedback", {"kind": "thumb", "value": "up"}),
    ("/v1/conversations", {}),
    ("/v1/jobs", {"model": MODEL}),
    ("/v1/jobs", PROMPT | {"cache": "only"}),
    ("/v1/jobs", PROMPT | {"conversation": "conv_x"}),
    ("/v1/chat/completions", {"model": "unknown", "messages": []}),
]
READS = [
    "/v1/jobs/job_x", "/v1/jobs/job_x/events", "/v1/jobs/job_x/timeline", "/v1/conversations", "/v1/conversations/c",
    "/v1/conversations/c/items", "/v1/models", "/v1/models/none", "/v1/reports", "/v1/reports/recent_jobs",
]  # fmt: skip


async def test_limits_are_told_on_every_submit_and_kept(gateway: RunningGateway) -> None:
    tight = await gateway.issue(gateway.tenant, requests_per_minute=3, jobs_in_flight=2)
    headers, filling = {"Authorization": f"Bearer {tight.api_key}"}, Filling(a_minute=3)
    first = await gateway.post("/v1/jobs", PROMPT, **headers)
    await gateway.post("/v1/jobs", PROMPT, **headers)
    in_flight = await gateway.post("/v1/jobs", PROMPT, **headers)
    await gateway.post(f"/v1/jobs/{first.json['id']}/cancel", {}, **headers)
    third = await gateway.post("/v1/jobs", PROMPT, **headers)
    await gateway.post(f"/v1/jobs/{third.json['id']}/cancel", {}, **headers)
    a_minute = await gateway.post("/v1/jobs", PROMPT, **headers)
    passed_s = filling.passed_s

    assert [each.status for each in (first, in_flight, third, a_minute)] == [202, 429, 202, 429]
    assert first.headers["x-ratelimit-limit-requests"] == "3"
    assert first.headers["x-ratelimit-remaining-requests"] == "2"
    assert first.headers["x-ratelimit-reset-requests"] == "20s"
    assert first.headers["RateLimit-Policy"] == '"permin";q=3;w=60, "jobs";q=2;qu="concurrent-requests"'
    assert first.headers["RateLimit"] == '"permin";r=2;t=20, "jobs";r=1'
    full_again = re.fullmatch(r'"permin";r=1;t=(\d+), "jobs";r=0', in_flight.headers["RateLimit"])
    assert full_again is not None
    assert 40 - passed_s <= int(full_again[1]) <= 40
    assert in_flight.headers["Retry-After"] == "1"
    assert 20 - passed_s <= int(a_minute.headers["Retry-After"]) <= 20
    assert a_minute.json["error"]["type"] == "rate_limit_error"
    assert a_minute.json["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize(("path", "body"), WRITES)
async def test_every_request_that_writes_counts_whatever_comes_of_it(
    gateway: RunningGateway, path: str, body: dict[str, Any]
) -> None:
    tight = await gateway.issue(gateway.tenant, requests_per_minute=2)
    headers = {"Authorization": f"Bearer {tight.api_key}"}
    answers = [await gateway.post(path, body, **headers) for _ in range(3)]

    assert [each.headers["x-ratelimit-remaining-requests"] for each in answers] == ["1", "0", "0"]
    assert 429 not in {each.status for each in answers[:2]}
    assert answers[2].status == 429
    assert answers[2].json["error"]["code"] == "rate_limit_exceeded"
    assert answers[2].headers["RateLimit"].startswith(f'"permin";r=0;t={answers[2].headers["Retry-After"]}')


async def test_a_repeated_submit_counts_too(gateway: RunningGateway) -> None:
    tight = await gateway.issue(gateway.tenant, requests_per_minute=2)
    headers = {"Authorization": f"Bearer {tight.api_key}", "Idempotency_Key": "k"}
    answers = [await gateway.post("/v1/jobs", PROMPT, **headers) for _ in range(3)]

    assert [each.status for each in answers] == [202, 202, 429]


@pytest.mark.parametrize("path", READS)
async def test_every_read_counts_against_a_budget_of_ten_times_as_many(gateway: RunningGateway, path: str) -> None:
    tight = await gateway.issue(gateway.tenant, requests_per_minute=1)
    headers, filling = {"Authorization": f"Bearer {tight.api_key}"}, Filling(a_minute=10)
    answers = [await gateway.get(path, **headers)]
    while answers[-1].status != 429:
        answers.append(await gateway.get(path, **headers))
        assert len(answers) <= 11 + filling.most

    assert len(answers) >= 11
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 6
    for header, value in {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "6s",
        "RateLimit-Policy": '"reads";q=10;w=60',
        "RateLimit": '"reads";r=9;t=6',
    }.items():
        assert answers[0].headers[header] == value
    assert (await gateway.post("/v1/jobs", PROMPT, **headers)).status == 202, "reads leave the budget of submits alone"


async def test_a_key_that_spent_its_budget_may_still_cancel(gateway: RunningGateway) -> None:
    tight = await gateway.issue(gateway.tenant, requests_per_minute=1)
    headers = {"Authorization": f"Bearer {tight.api_key}"}
    job_id = (await gateway.post("/v1/jobs", PROMPT, **headers)).json["id"]
    refused = await gateway.post("/v1/jobs", PROMPT, **headers)
    cancelled = await gateway.post(f"/v1/jobs/{job_id}/cancel", {}, **headers)

    assert (refused.status, cancelled.status) == (429, 200)
    assert cancelled.headers["RateLimit"] == '"reads";r=9;t=6'


async def test_streams_tell_how_the_key_stands(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    await worker.answer("It scatters.")
    events = await gateway.get(f"/v1/jobs/{job_id}/events")
    last = events_of(events.content)[-1].id
    nothing_left = await gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=last)
    asking = asyncio.create_task(gateway.post("/v1/chat/completions", PROMPT | {"stream": True, "seed": 1}))
    await worker.answer("It scatters.")
    chat = await asking

    assert [each.status for each in (events, nothing_left, chat)] == [200, 204, 200]
    assert events.headers["x-ratelimit-limit-requests"] == "100000"
    assert nothing_left.headers["x-ratelimit-limit-requests"] == "100000"
    assert chat.headers["x-ratelimit-limit-requests"] == "10000"


async def test_open_paths_cost_nothing(gateway: RunningGateway) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/nothing"):
        assert "RateLimit" not in (await gateway.get(path)).headers, path


async def test_tokens_are_held_back_at_the_submit_and_settled_by_the_answer(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    tight = await gateway.issue(gateway.tenant, tokens_per_minute=1000, tokens_per_day=1850, requests_per_minute=None)
    headers, filling = {"Authorization": f"Bearer {tight.api_key}"}, Filling(a_minute=1000)
    asked = PROMPT | {"max_tokens": 842, "cache": "bypass"}
    first = await gateway.post("/v1/jobs", asked, **headers)
    too_soon = await gateway.post("/v1/jobs", asked, **headers)
    await worker.answer("It scatters.", usage=Usage(40, 60))
    second, come = await gateway.post("/v1/jobs", asked, **headers), filling.most
    over_the_day = await gateway.post("/v1/jobs", asked, **headers)
    never = await gateway.post("/v1/jobs", asked | {"max_tokens": 1200}, **headers)

    assert [each.status for each in (first, too_soon, second, over_the_day, never)] == [202, 429, 202, 429, 429]
    assert "x-ratelimit-limit-requests" not in first.headers, "there is no such limit"
    assert first.headers["x-ratelimit-limit-tokens"] == "1000"
    assert first.headers["x-ratelimit-remaining-tokens"] == "100"
    assert first.headers["x-ratelimit-reset-tokens"] == "54s"
    assert too_soon.json["error"]["code"] == "rate_limit_exceeded"
    assert 48 - come / 1000 * 60 <= int(too_soon.headers["Retry-After"]) <= 48
    assert "x-should-retry" not in too_soon.headers
    assert 0 <= int(second.headers["x-ratelimit-remaining-tokens"]) <= come, "900 of 1000 less 100"
    for each in (over_the_day, never):
        assert each.json["error"]["code"] == "insufficient_quota"
        assert each.headers["x-should-retry"] == "false"
        assert 1 <= int(each.headers["Retry-After"]) <= 24 * 3600, "until the day of UTC ends"


async def test_a_tenants_limits_hold_for_all_its_keys_together(gateway: RunningGateway) -> None:
    limits = Limits(requests_per_minute=2, jobs_in_flight=1)
    gateway.app[REGISTRY].registry.apply(TenantDefined(id=gateway.tenant, name="", limits=limits))
    other = await gateway.issue(gateway.tenant)
    headers = {"Authorization": f"Bearer {other.api_key}"}
    first = await gateway.post("/v1/jobs", PROMPT)
    by_jobs = await gateway.post("/v1/jobs", PROMPT, **headers)
    await gateway.post("/v1/conversations", {}, **headers)
    by_requests = await gateway.post("/v1/conversations", {})
    reads = await gateway.get("/v1/models")

    assert [each.status for each in (first, by_jobs, by_requests, reads)] == [202, 429, 429, 200]
    assert by_jobs.json["error"]["message"].startswith("Your tenant may have 1 jobs in flight")
    assert by_requests.json["error"]["message"] == "Your tenant may send 2 requests a minute."
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert '"tenant-permin";q=2;w=60, "tenant-jobs";q=1;qu="concurrent-requests"' in first.headers["RateLimit-Policy"]
    assert reads.headers["x-ratelimit-limit-requests"] == "20"
