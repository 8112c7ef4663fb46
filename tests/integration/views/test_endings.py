"""The end of a job, whoever ends it: in the log, in sight, and counted once."""

import asyncio
from dataclasses import replace

from prometheus_client import generate_latest

from infra.settings import MAX_RECORD_BYTES
from producers.events import AnswerFailed, Limits
from producers.jobs import early
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.settling import Settling
from producers.log.topics import ANSWERS
from producers.state.retention import Retention
from producers.state.view import TOPICS
from stream_workers.fanout.state_view import StateView
from tests.integration.views.conftest import House
from tests.support.builders import CLOCK, a_completed, a_failed, a_prompt
from tests.support.gateway import a_publisher
from tests.support.scrape import samples
from tests.support.stack import a_prefix
from tests.support.topics import a_narrow_topic, read_all


def endings_of(house: House) -> Endings:
    return Endings(house.parts.publisher, Settling(house.scripts, Retention()), house.metrics)


def counted(house: House, state: str) -> float:
    return samples(generate_latest(house.metrics.registry).decode())[f'headrace_jobs_total{{state="{state}"}}']


async def test_only_the_first_ending_of_a_job_counts(house: House) -> None:
    prompt, endings = a_prompt(), endings_of(house)
    first = await endings.publish(a_completed(prompt))
    second = await endings.publish(a_failed(prompt))

    # By the view, which was faster; then by who published it.
    assert await Settling(house.scripts, Retention()).settle(first.ending, first.at.partition, 0, 0.0) == "settled"
    assert await endings.settle(first) == "again"
    assert await endings.settle(second) == "duplicate"

    assert (counted(house, "completed"), counted(house, "failed")) == (1, 0)


async def test_an_ending_that_no_record_holds_is_told_as_a_failure(house: House) -> None:
    prompt, endings = a_prompt(), endings_of(house)

    told = await endings.publish(a_completed(prompt, "y" * MAX_RECORD_BYTES))
    await endings.settle(told)

    assert isinstance(told.ending, AnswerFailed)
    assert await read_all(house.parts.kafka, ANSWERS) == [told.ending]
    assert await house.status(prompt.job_id) == "failed"
    assert counted(house, "failed") == 1


async def test_an_ending_that_the_broker_alone_refuses_is_told_as_a_failure_at_once(house: House) -> None:
    narrow = replace(house.parts.kafka, topic_prefix=a_prefix())
    await asyncio.to_thread(a_narrow_topic, narrow, ANSWERS, 50_000)
    async with a_publisher(narrow) as pen:
        endings = Endings(pen, Settling(house.scripts, Retention()), house.metrics)

        told = await endings.publish(a_completed(a_prompt(), "y" * 100_000))

    assert isinstance(told.ending, AnswerFailed)
    assert await read_all(narrow, ANSWERS) == [told.ending]


async def test_the_end_of_a_job_that_the_log_heard_of_too_late_has_a_time_and_is_not_counted(house: House) -> None:
    prompt, endings = a_prompt(), endings_of(house)
    positions = StateView(house.scripts, Retention()).positions
    for topic in TOPICS:
        for number in range(topic.partitions):
            await positions.mark_whole(topic.name, number, is_whole=True)
    intake = Intake(house.scripts, Retention())
    await intake.accept(prompt, Limits(requests_per_minute=10, jobs_in_flight=10))
    await intake.abort(prompt.job_id, older_than_ms=-1)

    told = await endings.publish(early.unheard(prompt, "worker-1", CLOCK.now_ms()))

    assert await endings.settle(told) == "late"
    assert counted(house, "aborted") == 0
    assert told.ending.timeline["finished"] >= told.ending.timeline["received"] == prompt.received_ms
