"""What browsers need, and what they must not be able to do: tickets, keys in URLs, pages of other origins."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.access.tickets import KEY_NAMES, is_opened
from infra.settings import KafkaSettings, RedisSettings
from tests.support.gateway import MODEL, Answer, PlayedWorker, RunningGateway, a_gateway, events_of

HERE = "https://app.example.com"


async def bare(gateway: RunningGateway, path: str, method: str = "GET", **headers: str) -> Answer:
    """Asked without a key."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{gateway.url}{path}"
    async with gateway.http.request(method, url, headers={"Authorization": "", **named}) as response:
        return await Answer.of(response)


async def a_ticket(gateway: RunningGateway, path: str, **headers: str) -> str:
    return str((await gateway.post("/v1/tickets", {"path": path}, **headers)).json["ticket"])


@pytest.fixture
async def ended(gateway: RunningGateway, worker: PlayedWorker) -> str:
    """The events of a job that has ended."""
    job: str = (await gateway.post("/v1/jobs", {"model": MODEL, "input": "Why?"})).json["id"]
    await worker.answer("Because.")
    return f"/v1/jobs/{job}/events"


async def test_a_ticket_opens_one_stream_once(gateway: RunningGateway, ended: str) -> None:
    made = await gateway.post("/v1/tickets", {"path": ended})
    first, second = [await bare(gateway, f"{ended}?ticket={made.json['ticket']}") for _ in range(2)]
    kept = [each async for each in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}*ticket*")]

    assert (made.status, made.headers["Cache-Control"], made.json["path"]) == (200, "no-store", ended)
    assert [each.event for each in events_of(first.content)][-1] == "done"
    assert (second.status, second.json["error"]["type"]) == (401, "authentication_error")
    assert kept == [], "it is spent"


async def test_a_ticket_is_kept_as_a_hash_for_a_minute(gateway: RunningGateway, ended: str) -> None:
    ticket = await a_ticket(gateway, ended)
    redis, prefix = gateway.scripts.redis, gateway.scripts.prefix
    (name,) = [each async for each in redis.scan_iter(f"{prefix}ticket:*")]
    everything = [each async for each in redis.scan_iter(f"{prefix}*")]

    assert 0 < await redis.ttl(name) <= 60
    for each in everything:
        assert ticket.encode() not in each + await redis.dump(each)


async def test_a_ticket_is_told_again_to_who_repeats_its_request_and_is_one(
    gateway: RunningGateway, other_gateway: RunningGateway, ended: str
) -> None:
    first, again = [
        await each.post("/v1/tickets", {"path": ended}, Idempotency_Key="k") for each in (gateway, other_gateway)
    ]
    ticket, redis = first.json["ticket"], gateway.scripts.redis
    everything = [each async for each in redis.scan_iter(f"{gateway.scripts.prefix}*")]
    dumped = b"".join([each + (await redis.dump(each) or b"") for each in everything])
    opened = [(await bare(gateway, f"{ended}?ticket={ticket}")).status for _ in range(2)]
    late = await gateway.post("/v1/tickets", {"path": ended}, Idempotency_Key="k")
    spent = await bare(gateway, f"{ended}?ticket={late.json['ticket']}")
    anew = await gateway.post("/v1/tickets", {"path": ended}, Idempotency_Key="another")

    assert again.json == first.json == late.json
    assert (again.headers["Idempotent-Replayed"], again.headers["Cache-Control"]) == ("true", "no-store")
    assert ticket.encode() not in dumped
    assert opened == [200, 401]
    assert spent.status == 401, "to repeat the request makes no second one"
    assert anew.json["ticket"] != ticket


async def test_a_ticket_under_a_key_is_its_askers_own_within_the_tenant(gateway: RunningGateway, ended: str) -> None:
    colleague = {"Authorization": f"Bearer {(await gateway.issue(gateway.tenant)).api_key}"}
    ours = await gateway.post("/v1/tickets", {"path": ended}, Idempotency_Key="k")
    theirs = await gateway.post("/v1/tickets", {"path": ended}, Idempotency_Key="k", **colleague)

    assert "Idempotent-Replayed" not in theirs.headers
    assert ours.json["ticket"] != theirs.json["ticket"]
    assert (await bare(gateway, f"{ended}?ticket={theirs.json['ticket']}")).status == 200


async def test_a_ticket_is_good_for_its_path_its_tenant_and_nothing_else(gateway: RunningGateway, ended: str) -> None:
    other_job = (await gateway.post("/v1/jobs", {"model": MODEL, "input": "Else?"})).json["id"]
    stranger = {"Authorization": f"Bearer {(await gateway.issue('somebody-else')).api_key}"}
    elsewhere = await bare(gateway, f"/v1/jobs/{other_job}/events?ticket={await a_ticket(gateway, ended)}")
    no_stream = await bare(gateway, f"/v1/jobs/{other_job}?ticket={await a_ticket(gateway, ended)}")
    posted = await bare(gateway, f"/v1/jobs/{other_job}/cancel?ticket={await a_ticket(gateway, ended)}", "POST")
    theirs = await bare(gateway, f"{ended}?ticket={await a_ticket(gateway, ended, **stranger)}")
    made_up = await bare(gateway, f"{ended}?ticket=tk-nothing")
    long = f"/v1/jobs/{'x' * 512}/events"
    wrong = [await gateway.post("/v1/tickets", {"path": path}) for path in ("jobs", f"{ended}?a=b", "/v1/jobs", long)]

    assert [each.status for each in (elsewhere, no_stream, posted, made_up)] == [401] * 4
    assert (theirs.status, theirs.json["error"]["code"]) == (404, "not_found")
    assert [(each.status, each.json["error"]["param"]) for each in wrong] == [(400, "path")] * 4


def test_a_ticket_is_made_only_for_what_it_can_open() -> None:
    opened = ("/v1/jobs/job_1/events", "/v1/chat/completions/chatcmpl-1", "/v1/conversations/conv_1/export")
    others = ("/v1/admin/keys", "/v1/tickets", "/v1/jobs/../events", "/v1/jobs/%2e%2e/events", "/v1/responses/a/", "/")

    assert [is_opened(each) for each in (*opened, *others)] == [True] * len(opened) + [False] * len(others)


@pytest.mark.parametrize("name", sorted(KEY_NAMES | {"API_KEY", "after"}))
async def test_a_key_in_a_url_is_refused_with_a_clear_word(gateway: RunningGateway, name: str) -> None:
    answers = [
        await bare(gateway, f"/v1/models?{name}={gateway.key.api_key}"),
        await gateway.get(f"/v1/models?{name}={gateway.key.api_key}"),
    ]

    for answer in answers:
        assert (answer.status, answer.json["error"]["code"]) == (400, "key_in_url")
        assert gateway.key.api_key not in answer.content.decode()
        assert "Authorization: Bearer" in answer.json["error"]["message"]


@pytest.fixture
async def shared(log_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[RunningGateway]:
    """A gateway that a page of another origin may call."""
    async with a_gateway(log_settings, redis_settings, cors_origins=(HERE,)) as running:
        yield running


def cors_of(answer: Answer) -> dict[str, Any]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control")}


PREFLIGHT = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}


async def test_no_page_of_another_origin_may_read_anything_by_default(gateway: RunningGateway) -> None:
    asked = await gateway.get("/v1/models", Origin=HERE)
    preflight = await bare(gateway, "/v1/jobs", "OPTIONS", Origin=HERE, **PREFLIGHT)

    assert asked.headers["X-Content-Type-Options"] == "nosniff"
    assert (cors_of(asked), cors_of(preflight)) == ({}, {})
    assert preflight.status == 405


async def test_pages_of_a_named_origin_may_ask_and_read_and_those_of_others_not(shared: RunningGateway) -> None:
    preflight = await bare(shared, "/v1/jobs", "OPTIONS", Origin=HERE, **PREFLIGHT)
    asked = await shared.get("/v1/models", Origin=HERE)
    refused = await bare(shared, "/v1/models", Origin=HERE)
    others = [
        await bare(shared, "/v1/jobs", "OPTIONS", Origin=each, **PREFLIGHT)
        for each in ("https://app.example.com.evil.org", "http://app.example.com", "null")
    ]
    theirs = await shared.get("/v1/models", Origin="https://evil.org")

    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == HERE
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization"
    assert "access-control-allow-credentials" not in cors_of(preflight)
    assert asked.headers["Access-Control-Allow-Origin"] == HERE
    assert "x-request-id" in asked.headers["Access-Control-Expose-Headers"]
    assert refused.headers["Access-Control-Allow-Origin"] == HERE, "a page must be able to read why"
    assert [(each.status, cors_of(each)) for each in (*others, theirs)] == [(405, {})] * 3 + [(200, {})]
    assert {each.headers["Vary"] for each in (asked, theirs)} == {"Origin"}
