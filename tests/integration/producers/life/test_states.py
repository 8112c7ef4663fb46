"""Where a job stands besides follows from its state, whichever way it came there."""

from typing import Any

import pytest

from producers.events import PromptSubmitted
from producers.log.places import Place
from producers.state.positions import Move
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_prompt
from tests.support.life import QUOTA, House, claimed
from tests.support.views import applied

READ_MS = 60_000
OF_LIMITS = {f"{count}:{whose}" for count in ("waiting", "inflight") for whose in ("key_1", "tenant/acme")}
RUNS = {"deadlines", "readers", "inflight:key_1", "inflight:tenant/acme"}
WAITS = {"deadlines", "readers", *OF_LIMITS}
ENDS = {"finishing", "inflight:key_1", "inflight:tenant/acme"}


def a_call(**fields: Any) -> PromptSubmitted:
    return a_prompt(deadline_ms=CLOCK.now_ms() + 60_000, **fields)


async def accepted(house: House, **fields: Any) -> PromptSubmitted:
    prompt = a_call(**fields)
    await house.intake.accept(prompt, QUOTA, READ_MS)
    return prompt


async def stands_in(house: House, prompt: PromptSubmitted) -> set[str]:
    """The lists and sets that hold the job."""
    redis, prefix = house.scripts.redis, house.scripts.prefix
    lists = ("accepting", "finishing", "deadlines", "readers", f"lane:{prompt.lane}:waiting")
    found = {each for each in lists if await redis.zscore(f"{prefix}{each}", prompt.job_id) is not None}
    return found | {each for each in OF_LIMITS if await redis.sismember(f"{prefix}{each}", prompt.job_id)}


async def test_a_job_stands_where_its_state_says_from_its_submit_to_its_end(house: House) -> None:
    prompt = await accepted(house)
    seen = [await stands_in(house, prompt)]
    await house.intake.acknowledge(prompt.job_id)
    seen.append(await stands_in(house, prompt))
    lease = await claimed(house.other, prompt)
    seen.append(await stands_in(house, prompt))
    await house.other.put_back(lease)
    seen.append(await stands_in(house, prompt))
    await house.other.finish(await claimed(house.other, prompt), a_completed(prompt))
    seen.append(await stands_in(house, prompt))
    await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())
    seen.append(await stands_in(house, prompt))

    in_the_lane = {"lane:standard:waiting", *WAITS}
    assert seen == [{"accepting", *WAITS}, in_the_lane, RUNS, in_the_lane, ENDS, set()]


async def test_a_job_that_is_claimed_before_it_is_acknowledged_stands_in_no_lane(house: House) -> None:
    prompt = await accepted(house)
    await claimed(house.other, prompt)
    await house.intake.acknowledge(prompt.job_id)

    assert await stands_in(house, prompt) == RUNS


async def test_a_job_that_the_log_tells_of_stands_where_an_acknowledged_one_does(house: House) -> None:
    prompts = [await accepted(house), a_call()]
    for offset, each in enumerate(prompts):
        await applied(house.scripts, each, Move(Place("prompts.standard", 0, offset), offset, 9, CLOCK.now_ms()))

    in_the_lane = {"lane:standard:waiting", "deadlines", *OF_LIMITS}
    assert [await stands_in(house, each) for each in prompts] == [{"readers", *in_the_lane}, in_the_lane]


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_a_job_that_was_stopped_expires_no_more_and_wants_no_reader(house: House, acknowledged: bool) -> None:
    prompt = await accepted(house)
    if acknowledged:
        await house.intake.acknowledge(prompt.job_id)

    await house.intake.stop(prompt.job_id, a_cancelled(prompt), running_too=True)

    assert await stands_in(house, prompt) == ENDS


async def test_a_job_that_the_log_never_got_stands_nowhere(house: House) -> None:
    prompt = await accepted(house)

    await house.intake.abort(prompt.job_id, older_than_ms=-1)

    assert await stands_in(house, prompt) == set()


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_cached_answer_counts_against_no_limit_and_waits_for_the_log_alone(house: House, at_once: bool) -> None:
    prompt = a_call()
    await house.scripts.redis.set(f"{house.scripts.prefix}cache:k", "an answer")
    await house.intake.accept(prompt, QUOTA, READ_MS, cache_key="k", at_once=at_once)
    before = await stands_in(house, prompt)

    await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())

    assert (before, await stands_in(house, prompt)) == ({"finishing"}, set())


async def test_a_job_that_is_accepted_anew_no_longer_waits_for_its_cached_answer_to_be_published(house: House) -> None:
    prompt = a_call()
    await house.scripts.redis.set(f"{house.scripts.prefix}cache:k", "an answer that nobody can read")
    await house.intake.accept(prompt, QUOTA, READ_MS, cache_key="k")

    await house.intake.accept(prompt, QUOTA, READ_MS)

    assert await stands_in(house, prompt) == {"accepting", *WAITS}


@pytest.mark.parametrize("is_claimed", [False, True])
async def test_a_job_that_redis_has_lost_stands_nowhere_once_the_log_tells_of_its_end(
    house: House, is_claimed: bool
) -> None:
    prompt = await accepted(house)
    await house.intake.acknowledge(prompt.job_id)
    if is_claimed:
        await claimed(house.other, prompt)
    await house.scripts.redis.delete(f"{house.scripts.prefix}job:{prompt.job_id}")

    await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())

    assert await stands_in(house, prompt) == set()
