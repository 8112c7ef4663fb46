"""Between two tries a job is in nobody's way: no slot, its partition goes on, its conversation keeps its order."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.conversations.store import Conversations
from producers.events import AnswerCompleted, ConversationCreated, PromptSubmitted
from producers.jobs import early
from producers.jobs.lease import Parked, Tried
from producers.log.outgoing import shard_of
from producers.state.retention import Retention
from stream_workers.settings import WorkerSettings
from tests.support.builders import CLOCK, a_prompt
from tests.support.eventually import eventually
from tests.support.life import QUOTA, a_house, claimed
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop, workshop

LONG_S = "600"
"""Nobody waits for it: whatever happens meanwhile happens because the job is in nobody's way."""


@pytest.fixture
def place(
    tmp_path_factory: pytest.TempPathFactory,
    kafka_settings: KafkaSettings,
    redis_settings: RedisSettings,
    timed_tgi: ModelServer,
) -> Iterator[Workshop]:
    """No worker runs yet."""
    timed_tgi.reset()
    timed_tgi.turn(first_token_ms=2, token_ms=1, cut_rate=0)
    with workshop(tmp_path_factory.mktemp("workers"), kafka_settings, redis_settings, timed_tgi.url) as here:
        yield here


async def waits(hand: Hand, prompt: PromptSubmitted) -> bool:
    """Whether it was tried once, and stands in the queue again."""
    job = await hand.job(prompt.job_id)
    return (job.status, job.attempt) == ("queued", 1)


async def test_another_job_of_its_partition_is_answered_meanwhile_by_a_worker_of_one_slot(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    unlucky = a_prompt("The unlucky one.")
    lucky = next(each for each in iter(lambda: a_prompt("The lucky one."), None) if shard_of(each) == shard_of(unlucky))
    timed_tgi.order("fail", contains="The unlucky")
    await asyncio.to_thread(place.start, WorkerSettings(name="w1", slots=1, retries_s=(LONG_S,)))
    async with Hand(place) as hand:
        await hand.submit(unlucky)
        await eventually(partial(waits, hand, unlucky), what="the wait for the next try")
        await hand.submit(lucky)
        await hand.all_ended([lucky])

        assert await waits(hand, unlucky)
        assert isinstance((await hand.job(lucky.job_id)).ending, AnswerCompleted)


async def test_the_next_turn_of_its_conversation_waits_for_it(place: Workshop, timed_tgi: ModelServer) -> None:
    first = a_prompt("The turn that stumbles.", conversation="conv_stumbling")
    second = a_prompt("The turn that follows.", conversation="conv_stumbling")
    timed_tgi.order("fail", times=2, contains="that stumbles")
    await asyncio.to_thread(place.start, WorkerSettings(name="w1", retries_s=("0.2", "0.2", "0.2")))
    async with Hand(place) as hand:
        created = ConversationCreated(conversation="conv_stumbling", tenant=first.tenant)
        await Conversations(hand.scripts, Retention()).open(created)
        await hand.submit(first)
        await hand.submit(second)
        await hand.all_ended([first, second])

        endings = [(await hand.job(each.job_id)).ending for each in (first, second)]
    assert all(isinstance(each, AnswerCompleted) for each in endings)
    asked = await asyncio.to_thread(timed_tgi.generations, "The turn that")
    assert ["that follows" in each["inputs"] for each in asked] == [False, False, False, True]


async def test_a_job_that_waits_for_its_next_try_can_be_cancelled(place: Workshop, timed_tgi: ModelServer) -> None:
    prompt = a_prompt("Never mind.")
    timed_tgi.order("fail", contains="Never mind")
    await asyncio.to_thread(place.start, WorkerSettings(name="w1", retries_s=(LONG_S,)))
    async with Hand(place) as hand:
        await hand.submit(prompt)
        await eventually(partial(waits, hand, prompt), what="the wait for the next try")
        ending = early.cancelled(await hand.job(prompt.job_id), CLOCK.now_ms())
        found = await hand.intake.stop(prompt.job_id, ending, running_too=True)
        assert found.found == "finishing"


async def test_the_wait_and_what_went_wrong_outlive_the_worker(redis_settings: RedisSettings) -> None:
    prompt, tried = a_prompt("Who remembers?"), Tried(2, "cut: at first", "busy: at last")
    async with a_house(redis_settings) as house:
        await house.intake.accept(prompt, QUOTA)
        lease = await claimed(house.leases, prompt)
        assert await house.leases.put_back(lease, 600.0, tried) == "kept"

        parked = await house.other.claim(prompt, 0)
        assert isinstance(parked, Parked)
        assert 0 < parked.after_s <= 600
        await house.scripts.redis.hset(f"{house.scripts.prefix}job:{prompt.job_id}", "not_before_ms", "0")
        assert (await claimed(house.other, prompt)).tried == tried
