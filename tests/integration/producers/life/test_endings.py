"""A job ends once: the first ending by offset, whoever tells it, however often."""

from producers.jobs import live, record
from producers.jobs.intake import Accepted
from producers.jobs.lease import Finishing, Gone, Published
from producers.jobs.live import Piece
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_prompt
from tests.support.life import QUOTA, House, claimed


async def test_a_job_goes_from_accepted_to_visible(house: House) -> None:
    prompt = a_prompt()
    accepted = await house.intake.accept(prompt, QUOTA)
    assert await house.intake.acknowledge(prompt.job_id) == "queued"
    lease = await claimed(house.leases, prompt)
    assert (await house.leases.show(lease, [Piece("Rayleigh ")])).kept == "kept"
    assert (await house.leases.show(lease, [Piece("scattering.")])).kept == "kept"
    answer = a_completed(prompt)
    assert await house.leases.finish(lease, answer) == Finishing(answer)
    before = await record.read(house.scripts, prompt.job_id)
    assert await house.settling.settle(answer, 3, 7, CLOCK.now_ms()) == "settled"
    after = await record.read(house.scripts, prompt.job_id)

    assert isinstance(accepted, Accepted)
    assert accepted.stands.key.requests is not None
    assert accepted.stands.key.requests.whole == 59
    assert before is not None
    assert before.status == "running"
    assert after is not None
    assert (after.status, after.ending) == ("completed", answer)
    assert list(after.times) == [*record.STEPS, "started"]
    entries = await live.entries_after(house.scripts, prompt.job_id)
    assert [each.kind for each in entries] == ["status", "token", "token", "done"]
    assert live.text_of(entries) == "Rayleigh scattering."


async def test_a_stored_ending_is_handed_to_whoever_claims_next(house: House) -> None:
    prompt = a_prompt()
    answer = a_completed(prompt)
    lease = await claimed(house.leases, prompt)
    await house.leases.finish(lease, answer)

    assert await house.other.claim(prompt, 0) == Finishing(answer)
    assert await house.leases.finish(lease, a_completed(prompt, "another")) == Finishing(answer)


async def test_a_published_job_is_not_run_again(house: House) -> None:
    prompt = a_prompt()
    await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())

    assert await house.leases.claim(prompt, 0) == Published()


async def test_the_first_ending_by_offset_wins_and_later_ones_are_counted(house: House) -> None:
    prompt = a_prompt()
    second, first = a_completed(prompt, "second"), a_completed(prompt, "first")

    assert await house.settling.settle(second, 0, 8, CLOCK.now_ms()) == "settled"
    assert await house.settling.settle(first, 0, 5, CLOCK.now_ms()) == "settled"
    assert await house.settling.settle(first, 0, 5, CLOCK.now_ms()) == "again"
    assert await house.settling.settle(second, 0, 8, CLOCK.now_ms()) == "duplicate"
    job = await record.read(house.scripts, prompt.job_id)
    assert job is not None
    assert job.ending == first
    assert [each.kind for each in await live.entries_after(house.scripts, prompt.job_id)] == ["done"]


async def test_a_queued_job_is_ended_at_once_and_a_running_one_is_asked_to_stop(house: House) -> None:
    queued, running = a_prompt(), a_prompt()
    await house.intake.accept(queued, QUOTA)
    await house.intake.accept(running, QUOTA)
    lease = await claimed(house.leases, running)

    stopped = await house.intake.stop(queued.job_id, a_cancelled(queued), running_too=True)
    asked = await house.intake.stop(running.job_id, a_cancelled(running), running_too=True)

    assert stopped.found == "finishing"
    assert await house.leases.claim(queued, 0) == Finishing(a_cancelled(queued))
    assert asked.found == "running"
    assert await house.leases.renew([lease]) == ["cancelled"]
    job = await record.read(house.scripts, running.job_id)
    assert job is not None
    assert job.status == "cancelling"


async def test_a_record_that_comes_after_its_job_was_aborted_ends_once_for_all(house: House) -> None:
    prompt = a_prompt()
    await house.intake.accept(prompt, QUOTA)
    await house.intake.abort(prompt.job_id, older_than_ms=-1)
    assert await house.leases.claim(prompt, 0) == Gone()

    assert await house.settling.settle(a_cancelled(prompt), 0, 3, CLOCK.now_ms()) == "late"
    assert await house.settling.settle(a_cancelled(prompt), 0, 3, CLOCK.now_ms()) == "again"

    assert await house.leases.claim(prompt, 0) == Published()
    assert [each.kind for each in await live.entries_after(house.scripts, prompt.job_id)] == ["done"]
