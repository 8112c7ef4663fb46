"""A prompt is accepted once, within its key's limits, and given back where the log never got it."""

from producers.events import ConversationCreated
from producers.jobs.intake import Accepted, Again, NotAccepted, OverQuota, Quota
from producers.jobs.lease import Gone, Parked
from tests.support.builders import CLOCK, a_cancelled, a_failed, a_prompt
from tests.support.life import QUOTA, House


async def test_nothing_is_accepted_or_claimed_while_the_view_is_being_rebuilt(house: House) -> None:
    await house.view.positions.mark_whole("answers", 0, is_whole=False)

    assert await house.intake.accept(a_prompt(), QUOTA) == NotAccepted("rebuilding")
    assert await house.leases.claim(a_prompt(), 0) == Parked("rebuilding", 0.25)


async def test_the_same_idempotency_key_gives_the_same_job_and_another_payload_is_refused(house: House) -> None:
    first = a_prompt(idempotency_key="k", fingerprint="a")
    await house.intake.accept(first, QUOTA)

    again = await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="a"), QUOTA)
    other = await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="b"), QUOTA)
    foreign = await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="b", tenant="other"), QUOTA)

    assert again == Again(first.job_id)
    assert other == NotAccepted("other_payload")
    assert isinstance(foreign, Accepted)


async def test_a_key_over_its_limits_is_refused_and_reserves_nothing(house: House) -> None:
    for _ in range(QUOTA.jobs_in_flight):
        await house.intake.accept(a_prompt(), QUOTA)
    by_jobs = await house.intake.accept(a_prompt(), QUOTA)
    by_requests = await house.intake.accept(a_prompt(key_id="key_2"), Quota(0.5, 9))  # type: ignore[arg-type]

    assert isinstance(by_jobs, OverQuota)
    assert (by_jobs.by, by_jobs.quota_left.requests_left) == ("jobs", 57)
    assert isinstance(by_requests, OverQuota)
    assert by_requests.by == "requests"


async def test_an_ended_job_gives_its_place_back(house: House) -> None:
    one = Quota(60, 1)
    prompt = a_prompt()
    await house.intake.accept(prompt, one)
    await house.settling.settle(a_failed(prompt), 0, 0, CLOCK.now_ms())

    assert isinstance(await house.intake.accept(a_prompt(), one), Accepted)


async def test_what_the_log_never_got_is_aborted_and_its_key_returns(house: House) -> None:
    prompt = a_prompt(idempotency_key="k", fingerprint="a")
    await house.intake.accept(prompt, QUOTA)

    assert not await house.intake.abort(prompt.job_id, older_than_ms=30_000)
    assert await house.intake.abort(prompt.job_id, older_than_ms=-1)
    assert await house.leases.claim(prompt, 0) == Gone()
    assert isinstance(await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="b"), QUOTA), Accepted)


async def test_a_prompt_sent_again_is_waited_for_anew(house: House) -> None:
    prompt = a_prompt(idempotency_key="k", fingerprint="a")
    await house.intake.accept(prompt, QUOTA)
    long_ago_ms = CLOCK.now_ms() - 60_000
    await house.scripts.redis.zadd(f"{house.scripts.prefix}accepting", {prompt.job_id: long_ago_ms})
    await house.scripts.redis.hset(f"{house.scripts.prefix}job:{prompt.job_id}", "accepted_ms", str(long_ago_ms))

    await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="a"), QUOTA)

    score = await house.scripts.redis.zscore(f"{house.scripts.prefix}accepting", prompt.job_id)
    assert (score or 0.0) > CLOCK.now_ms() - 30_000
    assert not await house.intake.abort(prompt.job_id, older_than_ms=30_000)
    assert await house.intake.acknowledge(prompt.job_id) == "queued"


async def test_an_acknowledgement_of_an_aborted_job_says_that_it_was_dropped(house: House) -> None:
    dropped, cancelled = a_prompt(), a_prompt()
    await house.intake.accept(dropped, QUOTA)
    await house.intake.accept(cancelled, QUOTA)
    await house.intake.abort(dropped.job_id, older_than_ms=-1)
    await house.settling.settle(a_cancelled(cancelled), 0, 0, CLOCK.now_ms())

    assert await house.intake.acknowledge(dropped.job_id) == "dropped"
    assert await house.intake.acknowledge(cancelled.job_id) == "aborted"


async def test_nothing_is_aborted_while_the_log_is_not_read(house: House) -> None:
    prompt = a_prompt()
    await house.intake.accept(prompt, QUOTA)
    await house.view.positions.mark_whole("prompts.standard", 3, is_whole=False)

    assert not await house.intake.abort(prompt.job_id, older_than_ms=-1)
    await house.view.positions.mark_whole("prompts.standard", 3, is_whole=True)
    assert await house.intake.abort(prompt.job_id, older_than_ms=-1)


async def test_a_conversation_keeps_the_lane_of_its_first_turn(house: House) -> None:
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=1.0))
    await house.intake.accept(a_prompt(conversation="conv_1", lane="interactive"), QUOTA)

    assert await house.intake.accept(a_prompt(conversation="conv_1"), QUOTA) == NotAccepted("lane", "interactive")
