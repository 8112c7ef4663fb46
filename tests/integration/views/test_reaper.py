"""The reaper ends the jobs that nobody else will end."""

import asyncio
from dataclasses import replace

import pytest

from infra.errors import Unavailable
from infra.settings import MAX_RECORD_BYTES, KafkaSettings
from producers.events import LANES, AnswerExpired, Limits, PromptSubmitted
from producers.jobs import early
from producers.jobs.endings import Endings
from producers.jobs.intake import Accepted, Again, Intake
from producers.jobs.lease import Leases
from producers.jobs.record import JobRecord
from producers.jobs.settling import Settling
from producers.log import codec
from producers.log.outgoing import shard_of
from producers.log.publisher import Publisher
from producers.log.topics import ANSWERS
from producers.log.topics import prompts as prompts_of
from producers.state.retention import Retention
from producers.state.view import PARTITIONS, TOPICS
from stream_workers.fanout.reaper import Patience, Reaped, Reaper
from stream_workers.fanout.state_view import StateView
from stream_workers.views.partitions import Partition
from tests.integration.views.conftest import House, following, held_back
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.eventually import eventually
from tests.support.topics import read_all

QUOTA = Limits(requests_per_minute=1000, jobs_in_flight=100)
AT_ONCE = Patience(accepting_ms=0, finishing_ms=0, running_again_ms=60_000, renewing_ms=0, every_s=0.05)
ALL_PROMPTS = frozenset(Partition(each.name, n) for each in map(prompts_of, LANES) for n in range(each.partitions))


class Counted(Reaper):
    """Knows how often it has reaped."""

    rounds = 0

    async def reap(self) -> Reaped:
        self.rounds += 1
        return await super().reap()


def a_reaper(house: House, patience: Patience = AT_ONCE, publisher: Publisher | None = None) -> Counted:
    scripts, kept = house.scripts, Retention()
    pen = publisher or house.parts.publisher
    endings = Endings(pen, Settling(scripts, kept), house.metrics)
    return Counted(scripts, Intake(scripts, kept), endings, CLOCK, house.metrics, patience)


@pytest.fixture
async def intake(house: House) -> Intake:
    """The gateway's hand, over a view that is whole."""
    places = [(topic.name, n) for topic in TOPICS for n in range(topic.partitions)]
    assert len(places) == PARTITIONS
    view = StateView(house.scripts, Retention())
    await asyncio.gather(*(view.positions.mark_whole(*place, is_whole=True) for place in places))
    return Intake(house.scripts, Retention())


async def test_what_the_log_never_got_gives_its_key_and_its_place_back(house: House, intake: Intake) -> None:
    prompt = a_prompt(idempotency_key="k", fingerprint="f")
    await intake.accept(prompt, QUOTA)

    patient = await a_reaper(house, Patience()).abort_unheard(ALL_PROMPTS)
    assert isinstance(await intake.accept(prompt, QUOTA), Again)
    aborted = await a_reaper(house).abort_unheard(ALL_PROMPTS)

    assert (patient, aborted) == (0, 1)
    assert await house.status(prompt.job_id) == "aborted"
    assert isinstance(await intake.accept(a_prompt(idempotency_key="k", fingerprint="f"), QUOTA), Accepted)


async def test_a_job_whose_prompt_another_member_may_still_read_is_not_given_up(house: House, intake: Intake) -> None:
    prompts = [a_prompt() for _ in range(40)]
    ours, shard = prompts[-1], shard_of(prompts[-1])
    theirs = [each for each in prompts if shard_of(each) != shard][:3]
    for each in (*theirs, ours):
        await intake.accept(each, QUOTA)

    aborted = await a_reaper(house, replace(AT_ONCE, most=2)).abort_unheard(frozenset({Partition(*shard)}))

    assert aborted == 1, "those of others stand in nobody's way"
    assert await house.status(ours.job_id) == "aborted"
    assert {await house.status(each.job_id) for each in theirs} == {"queued"}


async def test_a_job_that_was_told_as_accepted_is_not_given_up_while_another_member_cannot_read(house: House) -> None:
    intake, prompts = Intake(house.scripts, Retention()), [a_prompt(tenant=f"tenant-{n}") for n in range(16)]
    async with following(house.state_view()) as view, held_back(house) as (other, _):
        await eventually(other.following.is_set, within_s=45)
        await eventually(lambda: view.caught_up(60_000), within_s=45)
        mine = view.read_up(60_000)
        for each in prompts:
            await intake.accept(each, QUOTA)
            await house.parts.publisher.submit(each)

        async def are_read() -> bool:
            return [await _state(house, each) for each in prompts if shard_of(each) in mine] == ["queued"] * read

        read = sum(shard_of(each) in mine for each in prompts)
        await eventually(are_read, within_s=45)
        aborted = await a_reaper(house).abort_unheard(view.read_up(60_000))

        assert 0 < read < len(prompts)
        assert aborted == 0
        assert sorted([str(await _state(house, each)) for each in prompts]) == (
            ["accepting"] * (len(prompts) - read) + ["queued"] * read
        )


async def _state(house: House, prompt: PromptSubmitted) -> str | None:
    found = await house.job(prompt.job_id)
    return None if found is None else found.state


async def test_a_job_still_queued_at_its_deadline_expires_in_the_log_and_in_sight(house: House, intake: Intake) -> None:
    late, early = a_prompt(deadline_ms=CLOCK.now_ms() - 1), a_prompt(deadline_ms=CLOCK.now_ms() + 60_000)
    for each in (late, early):
        await intake.accept(each, QUOTA)
        await intake.acknowledge(each.job_id)

    assert await a_reaper(house).reap() == Reaped(expired=1)
    assert await a_reaper(house).reap() == Reaped()

    (ending,) = await read_all(house.parts.kafka, ANSWERS)
    assert isinstance(ending, AnswerExpired)
    assert ending.prompt == late
    assert set(ending.timeline) == {"received", "accepted", "acknowledged", "finished"}
    assert await house.status(late.job_id) == "expired"
    assert await house.status(early.job_id) == "queued"


async def test_a_running_job_is_left_to_its_worker_and_does_not_stand_in_the_way(house: House, intake: Intake) -> None:
    running, queued = a_prompt(deadline_ms=CLOCK.now_ms() - 2), a_prompt(deadline_ms=CLOCK.now_ms() - 1)
    await intake.accept(running, QUOTA)
    await intake.acknowledge(running.job_id)
    await Leases(house.scripts, Retention(), "worker-1").claim(running, 0)
    await intake.accept(queued, QUOTA)
    await intake.acknowledge(queued.job_id)
    one = Patience(accepting_ms=60_000, finishing_ms=60_000, running_again_ms=60_000, most=1)

    first = await a_reaper(house, one).reap()
    second = await a_reaper(house, one).reap()

    assert (first, second) == (Reaped(), Reaped(expired=1))
    assert await house.status(running.job_id) == "running"
    assert await house.status(queued.job_id) == "expired"


async def test_a_job_stuck_in_finishing_is_published_and_settled(house: House, intake: Intake) -> None:
    prompt = a_prompt()
    await intake.accept(prompt, QUOTA)
    await intake.acknowledge(prompt.job_id)
    leases = Leases(house.scripts, Retention(), "worker-1")
    lease = await leases.claim(prompt, 0)
    await leases.finish(lease, a_completed(prompt, "nearly lost"))  # type: ignore[arg-type] # it was granted

    assert await a_reaper(house, Patience()).reap() == Reaped()
    assert await a_reaper(house).reap() == Reaped(finished=1)

    (ending,) = await read_all(house.parts.kafka, ANSWERS)
    assert ending.text == "nearly lost"
    assert await house.status(prompt.job_id) == "completed"


async def test_what_an_outage_left_is_ended_in_one_round_however_much_it_is(house: House, intake: Intake) -> None:
    prompts = [a_prompt(deadline_ms=CLOCK.now_ms() - 1) for _ in range(7)]
    for each in prompts[:4]:
        await intake.accept(each, QUOTA)
        await intake.acknowledge(each.job_id)
    for each in prompts[4:]:
        ending = a_completed(each)
        await house.scripts.redis.set(f"{house.scripts.prefix}cache:{each.job_id}", codec.encode(ending))
        await intake.accept(each, QUOTA, cache_key=each.job_id, at_once=True)

    reaped = await a_reaper(house, replace(AT_ONCE, most=2)).reap()

    assert reaped == Reaped(expired=4, finished=3)
    assert len(await read_all(house.parts.kafka, ANSWERS)) == 7


async def test_an_ending_that_no_record_holds_is_published_as_failed(house: House, intake: Intake) -> None:
    prompt, huge = a_prompt(), a_prompt("x" * (3_500 * 1024))
    leases = Leases(house.scripts, Retention(), "worker-1")
    for each in (prompt, huge):
        lease = await leases.claim(each, 0)
        answer = a_completed(each, "y" * MAX_RECORD_BYTES)
        await leases.finish(lease, answer)  # type: ignore[arg-type] # it was granted

    assert await a_reaper(house).reap() == Reaped(finished=2)

    endings = {each.job_id: each for each in await read_all(house.parts.kafka, ANSWERS)}
    assert {each.error.code for each in endings.values()} == {"answer_too_large"}
    assert endings[prompt.job_id].prompt == prompt
    assert endings[huge.job_id].prompt.messages == ()
    assert await house.status(huge.job_id) == "failed"


async def test_an_ending_the_broker_did_not_take_is_published_in_a_later_round(house: House, intake: Intake) -> None:
    prompt = a_prompt(deadline_ms=CLOCK.now_ms() - 1)
    await intake.accept(prompt, QUOTA)
    await intake.acknowledge(prompt.job_id)
    mute = Publisher(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "mute")  # never started: it refuses at once

    with pytest.raises(Unavailable):
        await mute.publish(ANSWERS, "x", a_completed(prompt))
    assert await a_reaper(house, publisher=mute).reap() == Reaped()
    assert await house.status(prompt.job_id) == "running"
    assert await a_reaper(house).reap() == Reaped(finished=1)
    assert await house.status(prompt.job_id) == "expired"


async def test_one_reaps_beside_a_view_that_is_caught_up_and_the_other_only_once_the_first_is_gone(
    house: House,
) -> None:
    intake, prompt = Intake(house.scripts, Retention()), a_prompt()
    reapers = [a_reaper(house, replace(AT_ONCE, turn_ms=60_000)) for _ in range(2)]
    async with following(house.state_view()) as view:
        await intake.accept(prompt, QUOTA)
        running = {each: asyncio.create_task(each.run(view)) for each in reapers}
        try:
            await eventually(lambda: _is(house, prompt.job_id, "aborted"))
            await eventually(lambda: sum(each.rounds for each in reapers) >= 10)
            other, first = sorted(reapers, key=lambda each: each.rounds)
            assert other.rounds == 0

            running[first].cancel()
            await asyncio.gather(running[first], return_exceptions=True)
            await house.scripts.redis.delete(f"{house.scripts.prefix}reaper")  # as if its turn had run out
            await eventually(lambda: other.rounds > 0)
        finally:
            for each in running.values():
                each.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)


async def test_a_job_that_cannot_be_read_is_put_off_and_the_others_end(house: House, intake: Intake) -> None:
    broken, whole, strange = a_prompt(), a_prompt(), a_prompt(deadline_ms=CLOCK.now_ms() - 1)
    leases, redis, prefix = Leases(house.scripts, Retention(), "worker-1"), house.scripts.redis, house.scripts.prefix
    for each in (broken, whole):
        lease = await leases.claim(each, 0)
        await leases.finish(lease, a_completed(each))  # type: ignore[arg-type] # it was granted
    await redis.hset(f"{prefix}job:{broken.job_id}", "ending", "no ending")
    await intake.accept(strange, QUOTA)
    await redis.set(f"{prefix}job:{strange.job_id}", "no hash")

    assert await a_reaper(house).reap() == Reaped(finished=1)
    assert await a_reaper(house).reap() == Reaped()
    assert await a_reaper(house).abort_unheard(ALL_PROMPTS) == 0

    for which, job_id in (("finishing", broken.job_id), ("deadlines", strange.job_id), ("accepting", strange.job_id)):
        assert (await redis.zscore(f"{prefix}{which}", job_id) or 0.0) > CLOCK.now_ms() + 3_000_000


async def test_a_round_that_breaks_off_does_not_take_the_state_view_with_it(house: House) -> None:
    async with following(house.state_view()) as view:
        await house.scripts.redis.lpush(f"{house.scripts.prefix}accepting", "no score")
        reaping = asyncio.create_task(a_reaper(house).run(view))
        prompt = a_prompt()

        async def has_its_turn() -> bool:
            return await house.scripts.redis.type(f"{house.scripts.prefix}reaper") == b"string"

        await eventually(has_its_turn)
        await house.scripts.redis.delete(f"{house.scripts.prefix}accepting")
        await Intake(house.scripts, Retention()).accept(prompt, QUOTA)
        await eventually(lambda: _is(house, prompt.job_id, "aborted"))
        reaping.cancel()
        await asyncio.gather(reaping, return_exceptions=True)


async def _is(house: House, job_id: str, status: str) -> bool:
    return await house.status(job_id) == status


async def test_a_call_that_nobody_reads_is_cancelled_in_the_queue_and_on_the_gpu(house: House, intake: Intake) -> None:
    queued, running, read, job = a_prompt(), a_prompt(), a_prompt(), a_prompt()
    for prompt, unread_ms in ((queued, 1), (running, 1), (read, 60_000), (job, 0)):
        await intake.accept(prompt, QUOTA, unread_ms)
        await intake.acknowledge(prompt.job_id)
    leases = Leases(house.scripts, Retention(), "worker-1")
    lease = await leases.claim(running, 0)

    async def reaped_both() -> bool:
        return (await a_reaper(house).reap()).unread > 0 and await house.status(queued.job_id) == "aborted"

    await eventually(reaped_both)

    assert await leases.renew([lease]) == ["cancelled"]  # type: ignore[list-item] # it was granted
    assert [await house.status(each.job_id) for each in (read, job)] == ["queued", "queued"]
    assert await a_reaper(house).reap() == Reaped()


async def test_a_reader_who_came_back_in_time_keeps_the_job(house: House, intake: Intake) -> None:
    prompt = a_prompt()
    await intake.accept(prompt, QUOTA, 60_000)
    await intake.acknowledge(prompt.job_id)
    ending = early.cancelled(JobRecord(prompt.job_id, "queued", prompt, None, 0, cancelling=False, times={}), 0.0)

    kept = await intake.stop(prompt.job_id, ending, running_too=True, if_unread=True)
    await house.scripts.redis.zadd(f"{house.scripts.prefix}readers", {prompt.job_id: 1.0})
    await house.scripts.run("keep_read", 60_000, prompt.job_id, "job_that_needs_no_reader")

    assert kept.found == "read"
    assert await a_reaper(house).reap() == Reaped()
    assert await house.scripts.redis.zcard(f"{house.scripts.prefix}readers") == 1
