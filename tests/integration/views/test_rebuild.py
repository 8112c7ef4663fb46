"""`headrace rebuild`: all that Redis shows is made anew from the log, and what the log does not tell of stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from producers.answers.answer_cache import AnswerCache
from producers.conversations.store import Conversations
from producers.events import ConversationCreated, PromptSubmitted, Webhook
from producers.jobs.intake import Again, Intake, NotAccepted
from producers.jobs.lease import Leases, Parked
from producers.log.topics import ANSWERS, CONVERSATIONS
from producers.state import view
from producers.state.positions import Positions
from producers.state.retention import Retention
from producers.state.setting_back import set_back
from producers.state.view import is_whole
from producers.webhook_ids import id_of
from stream_workers.views.process import follower
from stream_workers.webhooks.schedule import Schedule
from stream_workers.webhooks.witness import scheduled
from tests.integration.views.conftest import House, following
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.command import headrace
from tests.support.eventually import eventually
from tests.support.workers import GENEROUS

URL = "https://hooks.example.com/"


@asynccontextmanager
async def served(house: House) -> AsyncIterator[None]:
    """The views that `fanout` and `deliver` follow; nobody sends what is due."""
    schedule = Schedule(house.parts.redis, house.parts.redis_settings, (0.0, 60.0))
    deliver = replace(house.parts, name="deliver")
    async with following(house.state_view()), following(follower(deliver, schedule)):
        yield


async def rebuilt(house: House, folder: Path, *options: str) -> Any:
    settings = (house.parts.kafka, house.parts.redis_settings)
    given = ("rebuild", "--yes", *options, "--json")
    return await asyncio.to_thread(partial(headrace, *given, settings=settings, folder=folder))


async def answered(house: House, **fields: Any) -> PromptSubmitted:
    prompt = a_prompt(**fields)
    await house.parts.publisher.submit(prompt)
    await house.parts.publisher.publish(ANSWERS, prompt.job_id, a_completed(prompt))
    return prompt


async def test_jobs_conversations_the_cache_and_webhooks_are_whole_again_from_the_log(
    house: House, tmp_path: Path
) -> None:
    scripts, intake = house.scripts, Intake(house.scripts, Retention())
    redis, prefix = scripts.redis, scripts.prefix
    async with served(house):
        created = ConversationCreated(conversation="conv_1", tenant="acme", title="Rome", at_ms=CLOCK.now_ms())
        await house.parts.publisher.publish(CONVERSATIONS, "conv_1", created)
        ended = await answered(house, webhook=Webhook(URL), conversation="conv_1")
        cached = await answered(house)
        waiting = a_prompt(idempotency_key="k", fingerprint="f")
        await intake.accept(waiting, GENEROUS)
        await house.parts.publisher.submit(waiting)
        await house.comes_to(cached.job_id, "completed")
        await house.comes_to(ended.job_id, "completed")
        webhook = id_of(ended.job_id, URL, "job.completed")
        await eventually(partial(is_planned, house, webhook), what="the webhook in the schedule")
        await redis.hset(f"{prefix}job:{ended.job_id}", mapping={"state": "failed", "ending": "{}"})
        await redis.delete(f"{prefix}job:{cached.job_id}", *[k async for k in redis.scan_iter(f"{prefix}cache:*")])
        await redis.set(f"{prefix}deliveries:due:strange", "of an older version")

        done = await rebuilt(house, tmp_path)

        assert done.returncode == 0, done.stderr
        assert {"keys", "records", "took_s"} == json.loads(done.stdout).keys()
        assert json.loads(done.stdout)["records"] == 8, "a conversation, three prompts, and two answers for each view"
        assert await is_whole(scripts)
        assert [await house.status(each.job_id) for each in (ended, cached, waiting)] == [
            "completed", "completed", "queued"
        ]  # fmt: skip
        assert await AnswerCache(scripts).recall(cached) is not None
        assert await Conversations(scripts, Retention()).read("conv_1") is not None
        assert await intake.accept(a_prompt(idempotency_key="k", fingerprint="f"), GENEROUS) == Again(waiting.job_id)
        assert await is_planned(house, webhook)
        assert not await redis.exists(f"{prefix}deliveries:due:strange")


async def test_what_the_log_does_not_tell_of_stays(house: House, tmp_path: Path) -> None:
    redis, prefix = house.scripts.redis, house.scripts.prefix
    kept = [f"{prefix}{each}" for each in ("once:a", "bucket:key_1:tokens", "ticket:t", "feedback:job_1", "examples:j")]
    async with served(house):
        for key in kept:
            await redis.hset(key, "field", "value")
        await redis.set("strangers", "of another program in the same Redis")
        done = await rebuilt(house, tmp_path)

        assert done.returncode == 0, done.stderr
        assert [await redis.hget(key, "field") for key in kept] == [b"value"] * len(kept)
        assert await redis.getdel("strangers") is not None


async def test_nobody_is_answered_from_a_view_that_was_set_back_until_it_is_whole(house: House, tmp_path: Path) -> None:
    intake, leases = Intake(house.scripts, Retention()), Leases(house.scripts, Retention(), "worker-1")
    async with served(house):
        prompt = await answered(house)
        await house.comes_to(prompt.job_id, "completed")

    done = await rebuilt(house, tmp_path, "--patience", "0.5")
    assert await intake.accept(a_prompt(), GENEROUS) == NotAccepted("rebuilding")
    assert await leases.claim(prompt, 0) == Parked("rebuilding", 0.25)

    assert done.returncode == 1
    assert "Do fanout and deliver run?" in done.stderr
    async with served(house):
        await house.comes_to(prompt.job_id, "completed")


async def test_a_view_that_looked_before_it_was_set_back_does_not_call_itself_whole(house: House) -> None:
    positions = Positions(house.scripts, view.NAME)
    async with served(house):
        prompt = await answered(house)
        await house.comes_to(prompt.job_id, "completed")
    places = [(topic.name, each) for topic in view.TOPICS for each in range(topic.partitions)]
    looked = await positions.read(places)
    await set_back(house.parts.redis_settings)
    for place, stored in zip(places, looked, strict=True):
        await positions.mark_whole(*place, is_whole=True, run=stored.run, at=stored.position)

    assert not await is_whole(house.scripts)


async def test_nobody_who_cannot_be_asked_has_the_views_set_back(house: House, tmp_path: Path) -> None:
    settings = (house.parts.kafka, house.parts.redis_settings)
    done = await asyncio.to_thread(partial(headrace, "rebuild", settings=settings, folder=tmp_path))

    assert done.returncode == 2
    assert "give --yes" in done.stderr


async def is_planned(house: House, webhook: str) -> bool:
    (found,) = await asyncio.to_thread(lambda: list(scheduled(house.parts.redis_settings, [webhook])))
    return found.state == "pending"
