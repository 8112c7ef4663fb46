"""What Redis knows follows from the log, however late or often that is read."""

import pytest

from producers.events import Message
from producers.jobs import record
from producers.jobs.intake import Accepted, Again
from producers.jobs.positions import Move, Seek
from producers.places import Place
from stream_workers.views.records import Done
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.life import QUOTA, House
from tests.support.views import applied

DAY_MS = 86_400_000.0


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
    assert await house.conversations.history("conv_1") == (
        Message("user", "done"),
        Message("assistant", "Rayleigh scattering."),
    )
    again = a_prompt(idempotency_key="k", fingerprint="f")
    assert await house.intake.accept(again, QUOTA) == Again(waiting.job_id)


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
