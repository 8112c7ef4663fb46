"""`headrace audit` on a real broker and a real Redis: what keeps every promise, and what does not."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.events import JobClaimed, PromptSubmitted, Terminal
from producers.log import partitioning
from producers.log.topics import ANSWERS, JOB_EVENTS
from producers.state.retention import Retention
from producers.state.setting_back import set_back
from stream_workers.fanout.state_view import StateView
from tests.integration.views.conftest import House, a_house, following
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.command import headrace
from tests.support.stack import a_prefix
from tests.support.topics import a_raw_producer, expire

ALONE = ("--without", "clickhouse", "--without", "webhooks")


@pytest.fixture
async def house(kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[House]:
    async with a_house(kafka_settings, redis_settings) as built, following(built.state_view()):
        yield built


async def audited(house: House, folder: Path, *options: str, patience_s: float = 60.0) -> tuple[int, dict[str, Any]]:
    given = ("audit", *ALONE, "--patience", str(patience_s), *options, "--json")
    settings = (house.parts.kafka, house.parts.redis_settings)
    done = await asyncio.to_thread(partial(headrace, *given, settings=settings, folder=folder))
    return done.returncode, json.loads(done.stdout or done.stderr)


async def accepted(house: House, **fields: Any) -> PromptSubmitted:
    prompt = a_prompt(**fields)
    await house.parts.publisher.submit(prompt)
    return prompt


async def ended(house: House, ending: Terminal) -> Terminal:
    await house.parts.publisher.publish(ANSWERS, ending.job_id, ending)
    return ending


async def test_a_log_that_redis_shows_as_it_is_keeps_every_promise(house: House, tmp_path: Path) -> None:
    jobs = [await accepted(house) for _ in range(40)]
    for each in jobs[:30]:
        await ended(house, a_completed(each, attempt=2))
    await ended(house, a_cancelled(jobs[30]))
    await ended(house, a_completed(a_prompt(), cache="hit"))
    await ended(house, a_completed(jobs[0], attempt=2))
    await ended(house, a_failed(jobs[1]))
    claim = JobClaimed(
        job_id=jobs[39].job_id, tenant="acme", lane="standard", attempt=1, worker="w", at_ms=CLOCK.now_ms()
    )
    await house.parts.publisher.publish(JOB_EVENTS, claim.job_id, claim)

    code, told = await audited(house, tmp_path)

    assert (code, told["kept"]) == (0, True)
    assert told["accepted"] == 41
    assert told["ended"] == {"aborted": 1, "cancelled": 0, "completed": 31, "expired": 0, "failed": 0}
    assert told["in_flight"] == {"queued": 9}
    assert told["redis"] == {"agree": 32}
    assert (told["said_again"], told["overruled"]) == (1, 1)
    assert told["executions"]["extra"] == 30


async def test_what_redis_shows_otherwise_is_found_and_named(house: House, tmp_path: Path) -> None:
    shown, lost, fine = [await accepted(house) for _ in range(3)]
    ending = await ended(house, a_completed(shown))
    await house.comes_to(shown.job_id, "completed")
    await house.comes_to(lost.job_id, "queued")
    redis, prefix = house.scripts.redis, house.scripts.prefix
    await redis.hset(f"{prefix}job:{shown.job_id}", "state", "failed")
    await redis.delete(f"{prefix}job:{lost.job_id}")

    code, told = await audited(house, tmp_path)

    assert code == 1
    assert told["violations"] == {"lost": 1, "doubled": 0, "redis": 1}
    assert [(each["kind"], each["job_id"], each["what"]) for each in told["offenders"]] == [
        ("lost", lost.job_id, "Redis knows nothing of it"),
        ("redis", ending.job_id, "Redis says failed, the log completed"),
    ]
    assert told["offenders"][0]["place"].startswith("prompts.standard:")
    assert told["in_flight"] == {"queued": 1}, fine.job_id


async def test_a_span_is_of_the_jobs_received_in_it_whenever_they_ended(house: House, tmp_path: Path) -> None:
    now_ms = CLOCK.now_ms()
    ages_h = (5, 3, 1)
    for hours in ages_h:
        prompt = await accepted(house, received_ms=now_ms - hours * 3_600_000)
        await ended(house, a_completed(prompt))

    found = {
        options: (await audited(house, tmp_path, *options))[1]["accepted"]
        for options in ((), ("--from", "4h"), ("--to", "4h"), ("--from", "4h", "--to", "2h"))
    }

    assert found == {(): 3, ("--from", "4h"): 2, ("--to", "4h"): 1, ("--from", "4h", "--to", "2h"): 1}


async def test_jobs_whose_endings_the_log_has_dropped_are_told_apart(house: House, tmp_path: Path) -> None:
    for each in [await accepted(house) for _ in range(20)]:
        await ended(house, a_completed(each))
        await house.comes_to(each.job_id, "completed")
    last = [await accepted(house) for _ in range(20)]
    for each in last:
        await ended(house, a_completed(each))
        await house.comes_to(each.job_id, "completed")
    for partition in range(ANSWERS.partitions):
        held = [each for each in last if partitioning.of_key(each.job_id, ANSWERS.partitions) == partition]
        await expire(house.parts.kafka, ANSWERS, partition, await end_of(house, partition) - len(held))
    shown = await audited(house, tmp_path)
    await house.scripts.redis.delete(*[f"{house.scripts.prefix}job:{each.job_id}" for each in last[:1]])
    lacking = await audited(house, tmp_path)

    assert (shown[0], shown[1]["gone"], shown[1]["accepted"]) == (0, 20, 20)
    assert (lacking[0], lacking[1]["violations"]["redis"]) == (1, 1)


async def end_of(house: House, partition: int) -> int:
    """The offset after the last of `answers` in a partition, as the view has it."""
    (found,) = await StateView(house.scripts, Retention()).positions.read([(ANSWERS.name, partition)])
    return found.position


async def test_what_nobody_can_read_is_counted_and_stops_nothing(house: House, tmp_path: Path) -> None:
    await ended(house, a_completed(await accepted(house)))
    topic = f"{house.parts.kafka.topic_prefix}{ANSWERS.name}"

    def write() -> None:
        producer = a_raw_producer(house.parts.kafka)
        producer.send(topic, b"\xffnonsense", partition=1).get(45)
        producer.close()

    await asyncio.to_thread(write)
    code, told = await audited(house, tmp_path)

    assert (code, told["unreadable"], told["accepted"]) == (0, 1, 1)


async def test_while_redis_is_made_anew_nothing_is_proved(house: House, tmp_path: Path) -> None:
    await accepted(house)
    elsewhere = house.parts.redis_settings.__class__(url=house.parts.redis_settings.url, prefix=a_prefix())
    settings = (house.parts.kafka, elsewhere)
    done = await asyncio.to_thread(
        partial(headrace, "audit", *ALONE, "--patience", "0", settings=settings, folder=tmp_path)
    )

    assert done.returncode == 3
    assert "being rebuilt" in done.stderr


async def test_a_redis_that_is_just_being_made_anew_is_waited_for(house: House, tmp_path: Path) -> None:
    await ended(house, a_completed(await accepted(house)))
    await set_back(house.parts.redis_settings)
    code, told = await audited(house, tmp_path)

    assert (code, told["redis"]) == (0, {"agree": 1})


async def test_a_person_is_told_in_sentences(house: House, tmp_path: Path) -> None:
    await ended(house, a_completed(await accepted(house)))
    settings = (house.parts.kafka, house.parts.redis_settings)
    done = await asyncio.to_thread(partial(headrace, "audit", *ALONE, settings=settings, folder=tmp_path))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("accepted 1 = 0 aborted + 0 cancelled + 1 completed")
    assert "lost 0\n" in done.stdout
    assert done.stdout.endswith("every promise was kept\n")
