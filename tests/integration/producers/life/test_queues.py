"""A queue is as long as there are jobs in the log that nobody has claimed."""

import time

import pytest

from infra.errors import Unavailable
from producers.events import Limits, PromptSubmitted
from producers.jobs.waiting import Place as InQueue
from producers.jobs.waiting import places_of
from producers.log.places import Place
from producers.state.positions import Move
from producers.state.view import TOPICS
from stream_workers.fanout.state_view import queued
from stream_workers.views.records import Done
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_prompt
from tests.support.life import QUOTA, House, claimed, lapsed
from tests.support.views import applied


async def test_a_queue_holds_a_job_from_the_log_to_its_claim_and_no_longer(house: House) -> None:
    prompt = a_prompt(lane="batch")
    depths = []

    async def look() -> None:
        depths.append((await queued(house.scripts))["batch"])

    await house.intake.accept(prompt, QUOTA)
    await look()
    for _ in range(2):
        await house.intake.acknowledge(prompt.job_id)
    await look()
    assert isinstance(
        await applied(house.scripts, prompt, Move(Place("prompts.batch", 0, 0), 0, 1, CLOCK.now_ms())), Done
    )
    await look()
    await claimed(house.leases, prompt)
    await look()
    await lapsed(house, prompt.job_id)
    await claimed(house.other, prompt)
    await house.intake.acknowledge(prompt.job_id)
    await look()

    assert depths == [0, 1, 1, 0, 0]
    assert await queued(house.scripts) == {"interactive": 0, "standard": 0, "batch": 0}


async def test_a_queue_holds_no_job_that_ended_before_anybody_claimed_it(house: House) -> None:
    stopped, told, unheard, unknown = (a_prompt(lane="batch") for _ in range(4))
    for place, prompt in enumerate((stopped, told)):
        await applied(house.scripts, prompt, Move(Place("prompts.batch", 0, place), place, 9, CLOCK.now_ms()))
    await house.intake.accept(unheard, QUOTA)
    before = await queued(house.scripts)

    await house.intake.stop(stopped.job_id, a_cancelled(stopped), running_too=True)
    await house.settling.settle(a_completed(told), 0, 0, CLOCK.now_ms())
    await house.intake.abort(unheard.job_id, older_than_ms=-1)
    await claimed(house.leases, unknown)

    assert (before["batch"], (await queued(house.scripts))["batch"]) == (2, 0)


async def test_nobody_tells_how_deep_a_queue_is_while_the_view_is_rebuilt(house: House) -> None:
    await house.view.positions.mark_whole(TOPICS[0].name, 0, is_whole=False)

    with pytest.raises(Unavailable):
        await queued(house.scripts)


async def test_a_job_in_a_queue_knows_its_place_and_the_pace_of_its_lane(house: House) -> None:
    waiting = [a_prompt(lane="batch", received_ms=CLOCK.now_ms() + at) for at in range(12)]
    for prompt in reversed(waiting):
        await house.intake.accept(prompt, Limits(requests_per_minute=10_000, jobs_in_flight=10_000))
        await house.intake.acknowledge(prompt.job_id)
    before, began_s = await place_of(house, waiting[-1]), time.monotonic()
    for prompt in waiting[:9]:
        await claimed(house.other, prompt)
    after, took_s = await place_of(house, waiting[-1]), time.monotonic() - began_s

    assert before is not None
    assert (before.position, before.outlook) == (12, None)
    assert after is not None
    assert after.position == 3
    assert after.pace is not None
    assert after.pace.gaps == 8
    assert 0 < after.pace.mean_ms <= took_s * 1000
    assert after.outlook is not None
    assert after.outlook.least_ms <= after.outlook.wait_ms <= after.outlook.most_ms
    assert await place_of(house, waiting[0]) is None


async def test_the_time_in_which_nothing_waited_says_nothing_of_a_lanes_pace(house: House) -> None:
    for _ in range(8):
        prompt = a_prompt(lane="batch")
        await house.intake.accept(prompt, Limits(requests_per_minute=10_000, jobs_in_flight=10_000))
        await house.intake.acknowledge(prompt.job_id)
        await claimed(house.other, prompt)
    last = a_prompt(lane="batch")
    await house.intake.accept(last, Limits(requests_per_minute=10_000, jobs_in_flight=10_000))
    await house.intake.acknowledge(last.job_id)
    found = await place_of(house, last)

    assert found is not None
    assert (found.position, found.pace) == (1, None)


async def place_of(house: House, prompt: PromptSubmitted) -> InQueue | None:
    (found,) = await places_of(house.scripts, [(prompt.job_id, prompt.lane)])
    return found


async def test_the_places_of_jobs_of_several_lanes_are_told_together(house: House) -> None:
    jobs = [a_prompt(lane=lane) for lane in ("batch", "standard", "batch")]
    for prompt in jobs:
        await house.intake.accept(prompt, QUOTA)
        await house.intake.acknowledge(prompt.job_id)
    await claimed(house.other, jobs[0])

    found = await places_of(house.scripts, [(each.job_id, each.lane) for each in jobs])

    assert [each and each.position for each in found] == [None, 1, 1]
    assert await places_of(house.scripts, []) == []
