"""A queue is as long as there are jobs in the log that nobody has claimed."""

import pytest

from infra.errors import Unavailable
from producers.jobs.positions import Move
from producers.jobs.view import TOPICS, queued
from producers.places import Place
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
