"""What would wait too long is refused before anything is promised, by what waits and how fast it has gone lately."""

from typing import Any

import pytest

from producers.events import Lane, PromptSubmitted
from producers.jobs.intake import Accepted, Again, Intake, NotAccepted
from producers.jobs.waiting import Outlook, places_of
from producers.state.retention import Retention
from producers.state.scripts import asked
from tests.support.builders import a_prompt
from tests.support.life import QUOTA, House
from tests.support.workers import GENEROUS

GAP_S = 2.0
WAITING = 9


async def now_ms(house: House) -> float:
    seconds, micros = await asked(house.scripts.redis.time())
    return float(seconds) * 1000 + float(micros) / 1000


async def a_queue(
    house: House, lane: Lane = "interactive", *, gaps: int = 32, variance: float = 0.0
) -> PromptSubmitted:
    """Some jobs wait in the lane, which started one every two seconds lately; the last of them."""
    prompts = [a_prompt(f"Number {number}.", lane=lane) for number in range(WAITING)]
    for each in prompts:
        await house.intake.accept(each, GENEROUS)
        await house.intake.acknowledge(each.job_id)
    pace: dict[Any, Any] = {"gaps": gaps, "mean": GAP_S * 1000, "variance": 0, "at": await now_ms(house)}
    await house.scripts.redis.hset(f"{house.scripts.prefix}lane:{lane}:pace", mapping=pace)
    return prompts[-1]


def patient(house: House, **longest_wait_s: float) -> Intake:
    return Intake(house.scripts, Retention(), longest_wait_s=longest_wait_s)  # type: ignore[arg-type]


async def expected(house: House, last: PromptSubmitted) -> Outlook:
    """When the last that waits may start, as its client is told."""
    (place,) = await places_of(house.scripts, [(last.job_id, last.lane)])
    assert place is not None
    assert place.outlook is not None
    return place.outlook


async def test_a_prompt_that_would_wait_longer_than_the_longest_is_refused_with_how_much_longer(house: House) -> None:
    last = await a_queue(house)

    refused = await patient(house, interactive=10.0).accept(a_prompt(lane="interactive"), GENEROUS)
    let_in = await patient(house, interactive=60.0).accept(a_prompt(lane="interactive"), GENEROUS)
    other_lane = await patient(house, interactive=10.0).accept(a_prompt(lane="standard"), GENEROUS)

    assert isinstance(refused, NotAccepted)
    assert refused.reason == "overloaded"
    assert refused.wait_s == pytest.approx((await expected(house, last)).wait_ms / 1000 + GAP_S - 10.0, abs=30.0)
    assert refused.wait_s >= (WAITING + 1) * GAP_S - 10.0
    assert isinstance(let_in, Accepted)
    assert isinstance(other_lane, Accepted)


async def test_a_deadline_that_would_pass_in_the_queue_is_refused_unless_luck_could_help(house: House) -> None:
    await a_queue(house)
    now = await now_ms(house)

    async def with_deadline(after_s: float, lane: Lane = "interactive") -> object:
        return await house.intake.accept(a_prompt(lane=lane, deadline_ms=now + after_s * 1000), GENEROUS)

    too_soon, in_time, of_batch = await with_deadline(5), await with_deadline(600), await with_deadline(5, "batch")
    await house.scripts.redis.hset(f"{house.scripts.prefix}lane:interactive:pace", "variance", "100000000")
    by_luck = await with_deadline(5)

    assert isinstance(too_soon, NotAccepted)
    assert (too_soon.reason, too_soon.wait_s >= WAITING * GAP_S) == ("too_late", True)
    assert [type(each) for each in (in_time, of_batch, by_luck)] == [Accepted] * 3


async def test_nothing_is_refused_of_which_nobody_knows_how_long_it_would_wait(house: House) -> None:
    await a_queue(house, gaps=4)
    unknown = await patient(house, interactive=1.0).accept(a_prompt(lane="interactive"), GENEROUS)
    empty = await patient(house, standard=0.001).accept(a_prompt(lane="standard"), GENEROUS)

    assert isinstance(unknown, Accepted)
    assert isinstance(empty, Accepted)


async def test_a_repeat_of_what_was_accepted_is_told_its_job_however_long_others_wait(house: House) -> None:
    first = a_prompt(lane="interactive", idempotency_key="once", fingerprint="f")
    await house.intake.accept(first, GENEROUS)
    await a_queue(house)

    repeat = a_prompt(lane="interactive", idempotency_key="once", fingerprint="f", tenant=first.tenant)
    assert await patient(house, interactive=1.0).accept(repeat, GENEROUS) == Again(first.job_id)


async def test_what_is_refused_holds_nothing_back_and_is_not_counted(house: House) -> None:
    await a_queue(house)
    prompt = a_prompt(lane="interactive", key_id="key_2")

    refused = await patient(house, interactive=1.0).accept(prompt, QUOTA)

    assert isinstance(refused, NotAccepted)
    assert refused.stands is not None
    assert refused.stands.key.requests is not None
    assert refused.stands.key.requests.left == QUOTA.requests_per_minute
    assert await house.scripts.redis.exists(f"{house.scripts.prefix}job:{prompt.job_id}") == 0
