"""A prompt is judged once, after all that is known without a judge, and before there is a job of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.keys import REGISTRY
from gateway.prompts.submission import SUBMISSIONS, Admitted, TurnedAway
from infra.settings import KafkaSettings, RedisSettings
from producers.events import Limits
from producers.jobs.intake import Again, OverQuota
from producers.settings import ModerationSettings
from tests.support import moderation
from tests.support.builders import a_prompt
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, a_gateway, a_played_worker
from tests.support.gateway_process import AN_HOUR_S, a_process, known

HOOKS = "tests.support.moderation"
PROMPT: dict[str, Any] = {"model": MODEL, "input": "a lake"}
KEY = {"Idempotency_Key": '"k-1"'}


@pytest.fixture(autouse=True)
def _asked_nothing() -> None:
    moderation.ASKED.clear()


@asynccontextmanager
async def judging(log: KafkaSettings, redis: RedisSettings, hook: str) -> AsyncIterator[RunningGateway]:
    parts = {"moderation": ModerationSettings(prompts=f"{HOOKS}:{hook}")}
    async with a_gateway(log, redis, parts=parts) as gateway:
        yield gateway


@pytest.fixture
async def gateway(log_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[RunningGateway]:
    async with judging(log_settings, redis_settings, "no_mills") as running:
        yield running


@pytest.fixture
async def stern(
    gateway: RunningGateway, log_settings: KafkaSettings, redis_settings: RedisSettings
) -> AsyncIterator[RunningGateway]:
    """Another gateway that knows the same key, and whose hook would refuse everything."""
    async with judging(log_settings, redis_settings, "nothing_at_all") as other:
        other.app[REGISTRY].registry.apply(gateway.key.event)
        other.http.headers["Authorization"] = f"Bearer {gateway.key.api_key}"
        yield other


@pytest.fixture
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played


async def bearer(gateway: RunningGateway, **limits: int | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await gateway.issue(gateway.tenant, None, **limits)).api_key}"}


async def jobs_of(gateway: RunningGateway) -> list[bytes]:
    return [each async for each in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}job:*")]


async def test_what_a_limit_refuses_costs_no_judgement(gateway: RunningGateway) -> None:
    poor, busy = await bearer(gateway, requests_per_minute=3), await bearer(gateway, jobs_in_flight=1)
    flood = await asyncio.gather(*(gateway.post("/v1/jobs", PROMPT, **poor) for _ in range(12)))
    asked = len(moderation.ASKED)
    told = [await gateway.post("/v1/jobs", PROMPT, **busy) for _ in range(3)]

    assert sorted(each.status for each in flood) == [202] * 3 + [429] * 9
    assert asked == 3
    assert [each.status for each in told] == [202, 429, 429]
    assert len(moderation.ASKED) == asked + 1


async def test_what_enters_is_counted_once_and_a_turn_goes_to_the_lane_of_its_conversation(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    conversation = (await gateway.post("/v1/conversations", {})).json["id"]
    turn, counting = {**PROMPT, "conversation": conversation}, await bearer(gateway, requests_per_minute=9)
    first = await gateway.post("/v1/jobs", turn, **counting)
    elsewhere = await gateway.post("/v1/jobs", {**turn, "lane": "batch"}, **counting)
    found = [(await worker.next_prompt())[0] for _ in range(2)]

    assert [each.headers["x-ratelimit-remaining-requests"] for each in (first, elsewhere)] == ["8", "7"]
    assert [(each.lane, each.judged) for each in found] == [("standard", True)] * 2
    assert len(moderation.ASKED) == 2


async def test_a_repeat_is_answered_with_what_was_accepted_whatever_a_judge_would_say_now(
    gateway: RunningGateway, stern: RunningGateway, worker: PlayedWorker
) -> None:
    first = await gateway.post("/v1/jobs", PROMPT, **KEY)
    again = await stern.post("/v1/jobs", PROMPT, **KEY)
    other = await stern.post("/v1/jobs", {**PROMPT, "input": "a pond"}, **KEY)
    anew = await stern.post("/v1/jobs", PROMPT)
    await worker.next_prompt()

    assert (again.status, again.json["id"]) == (202, first.json["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, anew.status) == (422, 400)
    assert worker.log.nothing_waits()


async def test_what_was_judged_and_never_reached_the_log_is_sent_by_another_gateway_unasked(
    gateway: RunningGateway, stern: RunningGateway, worker: PlayedWorker
) -> None:
    limits, asked = gateway.key.event.limits, a_prompt(tenant=gateway.tenant, idempotency_key="k", fingerprint="f")
    entered = await gateway.app[SUBMISSIONS].enter(asked, limits)
    # Here the gateway dies: the job is `accepting`, and the log has nothing of it.
    repeated = a_prompt(tenant=gateway.tenant, idempotency_key="k", fingerprint="f")
    again = await stern.app[SUBMISSIONS].enter(repeated, limits)
    assert isinstance(again, Again)
    await stern.app[SUBMISSIONS].again(again.job_id)
    prompt, _ = await worker.next_prompt()

    assert isinstance(entered, Admitted)
    assert (prompt.job_id, prompt.judged) == (asked.job_id, True)


async def test_without_a_hook_nothing_is_called_judged(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with a_gateway(log_settings, redis_settings) as gateway:
        entered = await gateway.app[SUBMISSIONS].enter(a_prompt(tenant=gateway.tenant), Limits())

    assert isinstance(entered, Admitted)
    assert not entered.prompt.judged


async def test_who_was_allowed_while_the_room_ran_out_is_still_refused(gateway: RunningGateway) -> None:
    submissions, one = gateway.app[SUBMISSIONS], Limits(jobs_in_flight=1)
    prompts = [a_prompt(tenant=gateway.tenant, key_id="key_1") for _ in range(5)]
    entered = await asyncio.gather(*(submissions.enter(each, one) for each in prompts))

    assert sum(isinstance(each, Admitted) for each in entered) == 1
    assert sum(isinstance(each, OverQuota) for each in entered) == 4


async def test_a_refused_prompt_leaves_its_key_free(gateway: RunningGateway, stern: RunningGateway) -> None:
    prompt = a_prompt(tenant=gateway.tenant, idempotency_key="k", fingerprint="f")
    refused = await stern.app[SUBMISSIONS].enter(prompt, Limits())
    corrected = a_prompt("a pond", tenant=gateway.tenant, idempotency_key="k", fingerprint="other")
    entered = await gateway.app[SUBMISSIONS].enter(corrected, Limits())

    assert isinstance(refused, TurnedAway)
    assert isinstance(entered, Admitted)


@asynccontextmanager
async def a_judge_that_ponders() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A hook's URL, and when it is asked: it never answers."""
    asked, never = asyncio.Event(), asyncio.Event()

    async def judge(_: web.Request) -> web.Response:
        asked.set()
        await never.wait()
        return web.json_response({"allowed": True})

    app = web.Application()
    app.router.add_post("/judge", judge)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/judge", asked
    never.set()
    await runner.cleanup()


@pytest.mark.timeout(300)  # a process starts here, on a machine that may be busy
async def test_a_gateway_that_dies_while_its_prompt_is_judged_leaves_nothing_of_it(
    gateway: RunningGateway, stern: RunningGateway, worker: PlayedWorker, tmp_path: Path
) -> None:
    async with a_judge_that_ponders() as (url, asked):
        hook = ModerationSettings(prompts=url, timeout_s=60.0)
        async with a_process(gateway.kafka, gateway.redis, tmp_path, AN_HOUR_S, hook) as dying:
            headers = await known(gateway, dying) | {"Idempotency-Key": '"k-1"'}
            asking = asyncio.create_task(gateway.http.post(f"{dying.url}/v1/jobs", json=PROMPT, headers=headers))
            await asyncio.wait_for(asked.wait(), 45)
            dying.process.kill()
            await asyncio.wait([asking])
    left = await jobs_of(gateway)
    refused = await stern.post("/v1/jobs", PROMPT, **KEY)
    allowed = await gateway.post("/v1/jobs", PROMPT, **KEY)
    prompt, _ = await worker.next_prompt()

    assert isinstance(asking.exception(), aiohttp.ClientError)
    assert left == []
    assert (refused.status, allowed.status) == (400, 202)
    assert (prompt.job_id, prompt.judged) == (allowed.json["id"], True)
