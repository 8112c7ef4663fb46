"""A job is claimed under a lease: one worker at a time, and only the newest token may write."""

from producers.jobs import live
from producers.jobs.lease import MOST_CLAIMS, Finishing, Lease, Lost, Parked
from producers.jobs.live import Piece
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.life import House, claimed, lapsed


async def test_a_live_lease_parks_the_next_worker_and_a_lapsed_one_is_taken_over(house: House) -> None:
    prompt = a_prompt()
    first = await claimed(house.leases, prompt)
    await house.leases.show(first, [Piece("half an ans")], tokens=3)
    parked = await house.other.claim(prompt, 0)
    await lapsed(house, prompt.job_id)
    second = await claimed(house.other, prompt)

    assert isinstance(parked, Parked)
    assert second.attempt == 2
    assert int(second.token) > int(first.token)
    assert (await house.leases.show(first, [Piece("wer")])).kept == "lost"
    assert await house.leases.renew([first]) == ["lost"]
    assert await house.leases.finish(first, a_completed(prompt)) == Lost()
    assert live.text_of(await live.entries_after(house.scripts, prompt.job_id)) == "half an ans"
    assert (first.shown_tokens, second.shown_tokens) == (None, 3)
    assert "first_token" in second.times


async def test_who_shows_an_answer_hears_whether_anybody_reads_it(house: House) -> None:
    read, unread = a_prompt(), a_prompt()
    async with house.scripts.redis.pubsub() as reader:
        await reader.subscribe(live.channel(house.scripts.prefix, read.job_id))
        await reader.get_message(timeout=10)
        watched, alone = await claimed(house.leases, read), await claimed(house.leases, unread)
        shown = await house.leases.show(watched, [Piece("Because")])
        await reader.unsubscribe()
        while (told := await reader.get_message(timeout=10)) and told["type"] != "unsubscribe":
            pass
    assert (watched.is_read, alone.is_read, shown.is_read) == (True, False, True)

    left = await house.leases.show(watched, [Piece(".")])
    assert not left.is_read


async def test_a_claim_whose_answer_was_lost_finds_its_lease_again(house: House) -> None:
    prompt = a_prompt()
    lost = await house.other.claim(prompt, 0, "claim_1")
    again = await house.other.claim(prompt, 0, "claim_1")
    another_pass = await house.other.claim(prompt, 0, "claim_2")
    another_worker = await house.leases.claim(prompt, 0, "claim_1")

    assert isinstance(lost, Lease)
    assert again == lost
    assert isinstance(another_pass, Parked)
    assert isinstance(another_worker, Parked)
    assert [each.kind for each in await live.entries_after(house.scripts, prompt.job_id)] == ["status"]


async def test_a_claim_repeated_after_its_lease_lapsed_is_the_same_attempt_unless_another_came(house: House) -> None:
    prompt = a_prompt()
    lost = await house.leases.claim(prompt, 0, "claim_1")
    await lapsed(house, prompt.job_id)
    again = await house.leases.claim(prompt, 0, "claim_1")
    await lapsed(house, prompt.job_id)
    other = await house.other.claim(prompt, 0, "claim_2")

    assert again == lost
    assert isinstance(other, Lease)
    assert other.attempt == 2
    assert isinstance(await house.leases.claim(prompt, 0, "claim_1"), Parked)


async def test_a_prompt_that_kills_its_workers_is_poison_at_the_sixth_claim(house: House) -> None:
    prompt = a_prompt()
    for attempt in range(1, MOST_CLAIMS + 1):
        lease = await claimed(house.leases, prompt)
        assert (lease.verdict, lease.attempt) == ("claimed", attempt)
        await lapsed(house, prompt.job_id)

    assert (await claimed(house.leases, prompt)).verdict == "poison"


async def test_a_job_that_was_given_back_is_claimed_at_once_and_its_old_token_is_worth_nothing(house: House) -> None:
    prompt = a_prompt()
    lease = await claimed(house.other, prompt)
    await house.other.show(lease, [Piece("half an ans")], tokens=3)
    await house.other.release(lease)
    await house.other.release(lease)
    refused = [(await house.other.show(lease, [Piece("wer")])).kept, *await house.other.renew([lease])]
    second = await claimed(house.leases, prompt)
    await house.other.release(lease)

    assert refused == ["lost", "lost"]
    assert (second.verdict, second.attempt) == ("claimed", 2)
    assert int(second.token) > int(lease.token)
    assert live.text_of(await live.entries_after(house.scripts, prompt.job_id)) == "half an ans"
    assert second.shown_tokens == 3
    assert await house.leases.finish(second, a_completed(prompt)) == Finishing(a_completed(prompt))
    await house.leases.release(second)
    assert isinstance(await house.other.claim(prompt, 0), Finishing)


async def test_an_attempt_that_was_given_back_is_no_death(house: House) -> None:
    prompt = a_prompt()
    for _ in range(2 * MOST_CLAIMS):
        lease = await claimed(house.leases, prompt)
        await house.leases.release(lease)
        await house.leases.release(lease)
    for _ in range(MOST_CLAIMS):
        assert (await claimed(house.leases, prompt)).verdict == "claimed"
        await lapsed(house, prompt.job_id)

    assert (await claimed(house.leases, prompt)).verdict == "poison"


async def test_a_deadline_that_passed_is_told_to_the_claimer_and_at_renewal(house: House) -> None:
    late = a_prompt(deadline_ms=CLOCK.now_ms() - 1)

    lease = await claimed(house.leases, late)

    assert lease.verdict == "expired"
    assert await house.leases.renew([lease]) == ["expired"]
