"""The gateway says at once what cannot be answered in time, and when to come back."""

from typing import Any

from infra.settings import KafkaSettings, RedisSettings
from tests.support.gateway import MODEL, RunningGateway, a_gateway

PROMPT: dict[str, Any] = {"model": MODEL, "input": "Why?", "cache": "bypass"}


async def a_long_queue(gateway: RunningGateway, lane: str) -> None:
    """One waits, and the lane has started one a minute lately."""
    await gateway.post("/v1/jobs", {**PROMPT, "lane": lane})
    seconds, _ = await gateway.scripts.redis.time()
    pace: dict[Any, Any] = {"gaps": 32, "mean": 60_000, "variance": 0, "at": seconds * 1000}
    await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}lane:{lane}:pace", mapping=pace)


async def test_an_interactive_prompt_that_would_wait_for_minutes_is_refused(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with a_gateway(log_settings, redis_settings, interactive_wait_s=30.0) as gateway:
        await a_long_queue(gateway, "interactive")
        refused = await gateway.post("/v1/jobs", {**PROMPT, "lane": "interactive"})
        standard = await gateway.post("/v1/jobs", {**PROMPT, "lane": "standard"})

    assert (refused.status, refused.json["error"]["code"]) == (503, "overloaded")
    assert refused.json["error"]["type"] == "server_error"
    assert 80 <= int(refused.headers["Retry-After"]) <= 120
    assert standard.status == 202


async def test_a_deadline_that_cannot_be_met_is_refused_for_good(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with a_gateway(log_settings, redis_settings) as gateway:
        await a_long_queue(gateway, "standard")
        refused = await gateway.post("/v1/jobs", {**PROMPT, "deadline": 20})
        in_time = await gateway.post("/v1/jobs", {**PROMPT, "deadline": 3600})

    error = refused.json["error"]
    assert (refused.status, error["code"], error["param"]) == (503, "deadline_too_close", "deadline")
    assert "The deadline cannot be met" in error["message"]
    assert (refused.headers["x-should-retry"], int(refused.headers["Retry-After"]) <= 120) == ("false", True)
    assert in_time.status == 202
