"""A prompt that the operator's hook refuses is not let in."""

from typing import Any

import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.settings import ModerationSettings
from tests.support.gateway import MODEL, a_gateway

HOOKS = "tests.support.moderation"


def asking(text: str) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/chat/completions"])
async def test_a_refused_prompt_is_no_job_and_is_counted(
    log_settings: KafkaSettings, redis_settings: RedisSettings, path: str
) -> None:
    parts = {"moderation": ModerationSettings(prompts=f"{HOOKS}:no_rivers")}
    async with a_gateway(log_settings, redis_settings, parts=parts) as gateway:
        tight = await gateway.issue(gateway.tenant, requests_per_minute=9)
        headers = {"Authorization": f"Bearer {tight.api_key}"}
        refused = await gateway.post(path, asking("a river"), **headers)
        allowed = await gateway.post("/v1/jobs", asking("a lake"), **headers)
        jobs = [each async for each in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}job:*")]

    error = refused.json["error"]
    assert (refused.status, error["code"], error["param"]) == (400, "content_filter", "messages")
    assert "no rivers" in error["message"]
    assert refused.headers["x-ratelimit-remaining-requests"] == "8"
    assert allowed.status == 202
    assert len(jobs) == 1


async def test_all_that_a_prompt_adds_to_what_the_model_reads_is_judged(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    parts = {"moderation": ModerationSettings(prompts=f"{HOOKS}:no_floods")}
    tool = {"type": "function", "name": "flood", "parameters": {"type": "object", "properties": {}}}
    item = {"type": "message", "role": "user", "content": "a flood"}
    async with a_gateway(log_settings, redis_settings, parts=parts) as gateway:
        conversation = (await gateway.post("/v1/conversations", {})).json["id"]
        asked: list[tuple[str, dict[str, Any]]] = [
            ("/v1/responses", {"model": MODEL, "input": "a lake", "instructions": "Tell of a flood."}),
            ("/v1/responses", {"model": MODEL, "input": "a lake", "tools": [tool]}),
            ("/v1/conversations", {"items": [item]}),
            (f"/v1/conversations/{conversation}/items", {"items": [item]}),
        ]
        refused = [await gateway.post(path, body) for path, body in asked]
        listed = (await gateway.get("/v1/conversations")).json["data"]
        kept = (await gateway.get(f"/v1/conversations/{conversation}/items")).json["data"]

    assert [(each.status, each.json["error"]["code"]) for each in refused] == [(400, "content_filter")] * 4
    assert ([each["id"] for each in listed], kept) == ([conversation], [])


async def test_a_hook_that_fails_lets_nothing_in_unless_it_is_to_fail_open(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    for fail_open, status in ((False, 503), (True, 202)):
        parts = {"moderation": ModerationSettings(prompts=f"{HOOKS}:broken", fail_open=fail_open)}
        async with a_gateway(log_settings, redis_settings, parts=parts) as gateway:
            found = await gateway.post("/v1/jobs", asking("a lake"))
            assert found.status == status
            if status == 503:
                assert found.json["error"]["message"].startswith("What must be judged cannot be judged just now.")
