"""What Redis knows follows from the log, however late or often that is read."""

from typing import Any

import pytest

from gateway.jobs.objects import job_object
from producers.events import Choice, Limits, Message, Terminal, Usage
from producers.jobs import early, record
from producers.jobs.intake import Accepted, Again
from producers.log.places import Place
from producers.state.positions import Move, Seek
from producers.state.retention import Retention
from stream_workers.inference.endings import Answered, Attempt
from stream_workers.views.records import Done
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.life import QUOTA, House, claimed, lapsed
from tests.support.talk import said_in
from tests.support.views import applied

DAY_MS = 86_400_000.0
GENEROUS = Limits(requests_per_minute=10_000, jobs_in_flight=1_000)


async def left_days(house: House, key: str) -> float:
    return float(await house.scripts.redis.pttl(f"{house.scripts.prefix}{key}")) / DAY_MS


async def test_the_view_applies_a_record_only_where_redis_stands(house: House) -> None:
    prompt = a_prompt()
    first = Move(Place("prompts.standard", 0, 0), expected=0, mark=1, timestamp_ms=0.0)
    skipping = Move(Place("prompts.standard", 0, 7), expected=7, mark=8, timestamp_ms=0.0)

    assert await applied(house.scripts, prompt, first) == Done(("new",))
    assert await applied(house.scripts, prompt, first) == Seek(1)
    assert await applied(house.scripts, prompt, skipping) == Seek(1)


async def test_a_redis_that_lost_everything_is_made_whole_by_the_log(house: House) -> None:
    done, waiting = a_prompt("done", conversation="conv_1"), a_prompt("waiting", idempotency_key="k", fingerprint="f")
    answer = a_completed(done, timeline={"received": 1.0, "claimed": 2.0})

    await applied(house.scripts, answer, Move(Place("answers", 2, 0), 0, 1, timestamp_ms=3.0))
    await applied(house.scripts, done, Move(Place("prompts.standard", 1, 0), 0, 1, timestamp_ms=0.0))
    await applied(house.scripts, waiting, Move(Place("prompts.standard", 1, 1), 1, 2, timestamp_ms=0.0))

    job = await record.read(house.scripts, done.job_id)
    assert job is not None
    assert (job.status, job.ending, job.times["published"]) == ("completed", answer, 3.0)
    assert job.times["claimed"] == 2.0
    assert await said_in(house.conversations, "conv_1") == (
        Message("user", "done"),
        Message("assistant", "Rayleigh scattering."),
    )
    again = a_prompt(idempotency_key="k", fingerprint="f")
    assert await house.intake.accept(again, QUOTA) == Again(waiting.job_id)


async def test_a_job_that_ended_is_told_in_the_same_words_by_a_redis_made_anew(house: House) -> None:
    """However it ended: the object that clients see, of which its ETag is made."""
    endings = [
        await ended(house, verdict) for verdict in ("answered", "tried twice", "cancelled", "put back, then cancelled")
    ]
    for offset, ending in enumerate(endings):
        await house.settling.settle(ending, 2, offset, CLOCK.now_ms())
    before = [await told(house, each) for each in endings]

    await house.scripts.redis.delete(*[k async for k in house.scripts.redis.scan_iter(f"{house.scripts.prefix}*")])
    for offset, ending in enumerate(endings):
        prompt_at, ending_at = Place("prompts.standard", 1, offset), Place("answers", 2, offset)
        await applied(house.scripts, ending.prompt, Move(prompt_at, offset, offset + 1, CLOCK.now_ms()))
        await applied(house.scripts, ending, Move(ending_at, offset, offset + 1, CLOCK.now_ms()))

    assert [(each["status"], each["attempt"]) for each in before] == [
        ("completed", 1), ("completed", 2), ("cancelled", 1), ("cancelled", 1),
    ]  # fmt: skip
    assert all(each["started_at"] and each["finished_at"] for each in before)
    assert [await told(house, each) for each in endings] == before


async def ended(house: House, how: str) -> Terminal:
    """The ending that Redis holds of a job that was accepted, claimed and finished; it is not in the log yet."""
    prompt = a_prompt(how)
    await house.intake.accept(prompt, GENEROUS)
    await house.intake.acknowledge(prompt.job_id)
    lease = await claimed(house.leases, prompt)
    if how == "tried twice":
        await lapsed(house, prompt.job_id)
        # Another second than that of the first claim.
        await house.scripts.redis.hset(f"{house.scripts.prefix}job:{prompt.job_id}", "started_ms", "1800000000000.000")
        lease = await claimed(house.other, prompt)
    if how == "put back, then cancelled":
        await house.leases.put_back(lease)
        job = await record.read(house.scripts, prompt.job_id)
        assert job is not None
        ending: Terminal = early.cancelled(job, CLOCK.now_ms())
        await house.intake.stop(prompt.job_id, ending, running_too=True)
        return ending
    # The worker's clock is another one than Redis'.
    times = {**lease.times, "finished": CLOCK.now_ms() + 5_000}
    attempt = Attempt(prompt, lease.attempt, "w", times, Place("prompts.standard", 0, 0))
    if how == "cancelled":
        ending = attempt.stopped("cancelled", "")
    else:
        ending = attempt.completed(Answered((Choice("Why not."),), Usage(7, 3)))
    await house.leases.finish(lease, ending)
    return ending


async def told(house: House, ending: Terminal) -> dict[str, Any]:
    job = await record.read(house.scripts, ending.job_id)
    assert job is not None
    return job_object(job, Retention())


async def test_an_answer_from_before_the_first_claim_was_told_began_with_its_last_one(house: House) -> None:
    answer = a_completed(a_prompt(), attempt=2, timeline={"received": 1.0, "claimed": 2.0, "finished": 3.0})

    await applied(house.scripts, answer, Move(Place("answers", 2, 0), 0, 1, timestamp_ms=4.0))

    job = await record.read(house.scripts, answer.job_id)
    assert job is not None
    assert (job.attempt, job.times["started"]) == (2, 2.0)


async def test_what_the_log_tells_late_is_kept_only_as_long_as_if_it_were_told_in_time(house: House) -> None:
    now = CLOCK.now_ms()
    old = a_prompt(idempotency_key="old", fingerprint="f", received_ms=now - 20 * DAY_MS)
    young = a_prompt(idempotency_key="young", fingerprint="f", received_ms=now - DAY_MS / 2)
    done = a_prompt(received_ms=now - 21 * DAY_MS)
    for offset, prompt in enumerate((old, young)):
        await applied(house.scripts, prompt, Move(Place("prompts.standard", 1, offset), offset, 2, timestamp_ms=0.0))
    await applied(house.scripts, a_completed(done), Move(Place("answers", 2, 0), 0, 1, timestamp_ms=now - 20 * DAY_MS))

    assert await left_days(house, f"job:{old.job_id}") == pytest.approx(10, abs=0.1)
    assert await left_days(house, f"job:{done.job_id}") == pytest.approx(10, abs=0.1)
    assert await left_days(house, "idempotency:acme:/v1/jobs:young") == pytest.approx(0.5, abs=0.1)
    again = a_prompt(idempotency_key="old", fingerprint="f")
    assert isinstance(await house.intake.accept(again, QUOTA), Accepted)
