"""What stands around the prompts: models, reports, metrics."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from infra.settings import KafkaSettings, RedisSettings
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, a_gateway


async def test_models_are_listed_and_shown(gateway: RunningGateway) -> None:
    listed = (await gateway.get("/v1/models")).json
    one = (await gateway.get("/v1/models/other/model")).json
    none = await gateway.get("/v1/models/none")

    assert [each["id"] for each in listed["data"]] == [MODEL, "other/model"]
    assert listed["object"] == "list"
    wanted = {"id": "other/model", "object": "model", "created": 1_700_000_000, "owned_by": "other", "task": "chat"}
    assert one == wanted
    assert (none.status, none.json["error"]["code"]) == (404, "model_not_found")


async def test_what_happened_is_counted_without_a_word_about_tenants(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    await gateway.post("/v1/jobs", {"model": MODEL, "input": "Why?"})
    await gateway.get("/v1/jobs/job_x")
    await gateway.get("/nothing/at/all")
    async with gateway.http.get(f"{gateway.url}/metrics", headers={"Authorization": ""}) as response:
        text = await response.text()

    assert 'headrace_jobs_total{state="queued"} 1.0' in text
    assert 'headrace_cache_requests_total{kind="exact",result="miss"} 1.0' in text
    assert 'headrace_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"} 1.0' in text
    assert 'headrace_http_requests_total{method="GET",route="unknown",status="404"} 1.0' in text
    assert gateway.tenant not in text
    assert gateway.key.event.id not in text


async def test_open_paths_ask_for_no_key(gateway: RunningGateway) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        async with gateway.http.get(f"{gateway.url}{path}", headers={"Authorization": ""}) as response:
            assert response.status == 200, path


@pytest.fixture
async def reports_url() -> AsyncIterator[str]:
    """A reports process, as far as the gateway can tell."""

    async def report(request: web.Request) -> web.Response:
        name = request.match_info.get("name", "")
        if name == "unknown":
            return web.json_response({"error": {"message": "no such report"}}, status=404)
        if name == "broken":
            return web.Response(status=500, text="Code: 47. DB::Exception: secrets")
        used = {
            "month": 202611,
            "tenant": "t",
            "key": "key_x",
            "model": MODEL,
            "jobs": 2,
            "cached_jobs": 1,
            "embeddings": 0,
        }
        counted = used | {"prompt_tokens": 500_000, "completion_tokens": 250_000}
        return web.json_response({"name": name, "asked": list(request.query.items()), "data": [counted]})

    app = web.Application()
    app.add_routes([web.get("/v1/reports", report), web.get("/v1/reports/{name}", report)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_report_is_of_the_callers_own_tenant_and_asked_for_another_it_is_refused(
    log_settings: KafkaSettings, redis_settings: RedisSettings, reports_url: str
) -> None:
    async with a_gateway(log_settings, redis_settings, reports_url=reports_url) as gateway:
        asked = await gateway.get("/v1/reports/recent_jobs?hours=3")
        of_others = [
            await gateway.get(f"{path}?tenant=other")
            for path in ("/v1/reports", "/v1/reports/recent_jobs", "/v1/dashboard", "/v1/dashboard/jobs.csv")
        ]
        twice = await gateway.get("/v1/reports/recent_jobs?tenant=other&hours=3&tenant=third")
        listed = await gateway.get("/v1/reports")
        unknown = await gateway.get("/v1/reports/unknown")
        broken = await gateway.get("/v1/reports/broken")
        elsewhere = await gateway.get("/v1/reports/..%2f..%2fsecrets")

    assert asked.json["asked"] == [["hours", "3"], ["tenant", gateway.tenant]]
    assert {(each.status, each.json["error"]["param"]) for each in of_others} == {(400, "tenant")}
    assert twice.status == 400
    assert listed.json["asked"] == [["tenant", gateway.tenant]]
    assert unknown.status == 404
    assert (broken.status, broken.json["error"]["type"]) == (503, "server_error")
    assert b"secrets" not in broken.content
    assert elsewhere.status == 404


async def test_without_a_reports_process_the_rest_goes_on(gateway: RunningGateway) -> None:
    answer: Any = await gateway.get("/v1/reports/recent_jobs")

    assert (answer.status, answer.json["error"]["type"]) == (503, "server_error")


async def test_usage_is_told_with_its_cost(
    log_settings: KafkaSettings, redis_settings: RedisSettings, reports_url: str
) -> None:
    settings: dict[str, Any] = {"reports_url": reports_url, "prices": (f"{MODEL}=0.1/0.4",), "currency": "EUR"}
    async with a_gateway(log_settings, redis_settings, **settings) as gateway:
        admin = await gateway.issue("ops", {"scopes": ("admin",)})
        found = await gateway.get("/v1/usage")
        others = await gateway.get("/v1/usage?all_tenants=true")
        of_all = await gateway.get("/v1/usage?all_tenants=true", Authorization=f"Bearer {admin.api_key}")
        jobs_only = await gateway.issue(gateway.tenant, {"scopes": ("jobs",)})
        refused = await gateway.get("/v1/usage", Authorization=f"Bearer {jobs_only.api_key}")

    assert (found.json["object"], found.json["currency"], found.json["has_more"]) == ("list", "EUR", False)
    assert found.json["data"] == [
        {
            "object": "usage", "month": "2026-11", "tenant": "t", "key": "key_x", "key_name": None, "model": MODEL,
            "jobs": 2, "cached_jobs": 1, "embeddings": 0, "prompt_tokens": 500_000, "completion_tokens": 250_000,
            "total_tokens": 750_000, "cost": 0.15,
        }
    ]  # fmt: skip
    assert (others.status, of_all.status, refused.status) == (403, 200, 403)


async def test_usage_without_a_reports_process_is_told_later(gateway: RunningGateway) -> None:
    assert (await gateway.get("/v1/usage")).status == 503
