"""Each step of a job's life is one atomic script; twice is once, and only the newest token may write."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from infra import redis
from infra.errors import Unavailable
from infra.settings import RedisSettings
from producers.conversations import Conversations, Page
from producers.events import ConversationCreated, ConversationDeleted, Message, Terminal
from producers.jobs import live, record
from producers.jobs.intake import Accepted, Again, Intake, Limited, Quota, Refused
from producers.jobs.lease import MOST_CLAIMS, Finishing, Gone, Lease, Leases, Lost, Parked, Published
from producers.jobs.positions import Move, Seek
from producers.jobs.record import Retention
from producers.jobs.scripts import Scripts
from producers.jobs.settling import Settling
from producers.jobs.view import TOPICS, StateView, queued
from producers.places import Place
from stream_workers.views.records import Done
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.eventually import eventually
from tests.support.views import applied

QUOTA = Quota(requests_per_minute=60, jobs_in_flight=3)
SHORT_LEASE_MS = 60


@dataclass
class House:
    """All who have a hand in a job's life, over one Redis."""

    scripts: Scripts
    intake: Intake
    leases: Leases
    other: Leases
    settling: Settling
    view: StateView
    conversations: Conversations


@pytest.fixture
async def house(redis_settings: RedisSettings) -> AsyncIterator[House]:
    client = redis.client(redis_settings)
    scripts, kept = Scripts(client, redis_settings), Retention()
    house = House(
        scripts,
        Intake(scripts, kept),
        Leases(scripts, kept, "worker-1", SHORT_LEASE_MS),
        Leases(scripts, kept, "worker-2"),
        Settling(scripts, kept),
        StateView(scripts, kept),
        Conversations(scripts, kept),
    )
    for topic in TOPICS:
        for partition in range(topic.partitions):
            await house.view.positions.mark_whole(topic.name, partition, is_whole=True)
    yield house
    await client.aclose()


async def claimed(leases: Leases, prompt: object, place: int = 0) -> Lease:
    lease = await leases.claim(prompt, place)  # type: ignore[arg-type]
    assert isinstance(lease, Lease), lease
    return lease


async def lapsed(house: House, job_id: str) -> None:
    """Wait until the short lease on a job is over."""

    async def is_over() -> bool:
        seconds, micros = await house.scripts.redis.time()
        until = float(await house.scripts.redis.hget(f"{house.scripts.prefix}job:{job_id}", "lease_ms") or 0)
        return seconds * 1000 + micros / 1000 > until

    await eventually(is_over)


async def test_a_job_goes_from_accepted_to_visible(house: House) -> None:
    prompt = a_prompt()
    accepted = await house.intake.accept(prompt, QUOTA)
    assert await house.intake.acknowledge(prompt.job_id) == "queued"
    lease = await claimed(house.leases, prompt)
    assert await house.leases.show(lease, "Rayleigh ") == "kept"
    assert await house.leases.show(lease, "scattering.") == "kept"
    answer = a_completed(prompt)
    assert await house.leases.finish(lease, answer) == Finishing(answer)
    before = await record.read(house.scripts, prompt.job_id)
    assert await house.settling.settle(answer, 3, 7, CLOCK.now_ms()) == "settled"
    after = await record.read(house.scripts, prompt.job_id)

    assert isinstance(accepted, Accepted)
    assert accepted.standing.requests_left == 59
    assert before is not None
    assert before.status == "running"
    assert after is not None
    assert (after.status, after.ending) == ("completed", answer)
    assert list(after.times) == [*record.STEPS, "started"]
    entries = await live.entries_after(house.scripts, prompt.job_id)
    assert [each.kind for each in entries] == ["status", "token", "token", "done"]
    assert live.text_of(entries) == "Rayleigh scattering."


async def test_nothing_is_accepted_or_claimed_while_the_view_is_being_rebuilt(house: House) -> None:
    await house.view.positions.mark_whole("answers", 0, is_whole=False)

    assert await house.intake.accept(a_prompt(), QUOTA) == Refused("rebuilding")
    assert await house.leases.claim(a_prompt(), 0) == Parked("rebuilding", 0.25)


async def test_the_same_idempotency_key_gives_the_same_job_and_another_payload_is_refused(house: House) -> None:
    first = a_prompt(idempotency_key="k", fingerprint="a")
    await house.intake.accept(first, QUOTA)

    again = await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="a"), QUOTA)
    other = await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="b"), QUOTA)
    foreign = await house.intake.accept(a_prompt(idempotency_key="k", fingerprint="b", tenant="other"), QUOTA)

    assert again == Again(first.job_id)
    assert other == Refused("other_payload")
    assert isinstance(foreign, Accepted)


async def test_a_key_over_its_limits_is_refused_and_reserves_nothing(house: House) -> None:
    for _ in range(QUOTA.jobs_in_flight):
        await house.intake.accept(a_prompt(), QUOTA)
    by_jobs = await house.intake.accept(a_prompt(), QUOTA)
    by_requests = await house.intake.accept(a_prompt(key_id="key_2"), Quota(0.5, 9))  # type: ignore[arg-type]

    assert isinstance(by_jobs, Limited)
    assert (by_jobs.by, by_jobs.standing.requests_left) == ("jobs", 57)
    assert isinstance(by_requests, Limited)
    assert by_requests.by == "requests"


async def test_an_ended_job_gives_its_place_back(house: House) -> None:
    one = Quota(60, 1)
    prompt = a_prompt()
    await house.intake.accept(prompt, one)
    await house.settling.settle(a_failed(prompt), 0, 0, CLOCK.now_ms())

    assert isinstance(await house.intake.accept(a_prompt(), one), Accepted)


async def test_a_live_lease_parks_the_next_worker_and_a_lapsed_one_is_taken_over(house: House) -> None:
    prompt = a_prompt()
    first = await claimed(house.leases, prompt)
    await house.leases.show(first, "half an ans")
    parked = await house.other.claim(prompt, 0)
    await lapsed(house, prompt.job_id)
    second = await claimed(house.other, prompt)

    assert isinstance(parked, Parked)
    assert second.attempt == 2
    assert int(second.token) > int(first.token)
    assert await house.leases.show(first, "wer") == "lost"
    assert await house.leases.renew([first]) == ["lost"]
    assert await house.leases.finish(first, a_completed(prompt)) == Lost()
    assert live.text_of(await live.entries_after(house.scripts, prompt.job_id)) == ""


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
    await house.other.show(lease, "half an ans")
    await house.other.release(lease)
    await house.other.release(lease)
    refused = [await house.other.show(lease, "wer"), *await house.other.renew([lease])]
    second = await claimed(house.leases, prompt)
    await house.other.release(lease)

    assert refused == ["lost", "lost"]
    assert (second.verdict, second.attempt) == ("claimed", 2)
    assert int(second.token) > int(lease.token)
    assert live.text_of(await live.entries_after(house.scripts, prompt.job_id)) == ""
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


async def test_a_deadline_that_passed_is_told_to_the_claimer_and_at_renewal(house: House) -> None:
    late = a_prompt(deadline_ms=CLOCK.now_ms() - 1)

    lease = await claimed(house.leases, late)

    assert lease.verdict == "expired"
    assert await house.leases.renew([lease]) == ["expired"]


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


async def test_turns_of_a_conversation_wait_for_the_one_before_and_see_its_text(house: House) -> None:
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=CLOCK.now_ms()))
    first, second = a_prompt("one", conversation="conv_1"), a_prompt("two", conversation="conv_1")
    lease = await claimed(house.leases, first, place=4)
    behind = await house.other.claim(second, 9)
    await house.leases.finish(lease, a_completed(first, "answer one"))
    await house.settling.settle(a_completed(first, "answer one"), 0, 0, CLOCK.now_ms())

    await claimed(house.other, second, place=9)

    assert behind == Parked("behind", 0.25)
    assert await house.conversations.history("conv_1", before=9) == (
        Message("user", "one"),
        Message("assistant", "answer one"),
    )


async def test_a_failed_turn_leaves_no_trace_and_a_cancelled_one_what_was_shown(house: House) -> None:
    failed, cut, unheard = (a_prompt(text, conversation="conv_1") for text in ("bad", "long", "slow"))
    endings: tuple[Terminal, ...] = (
        a_failed(failed),
        a_cancelled(cut, ran=True, text="so far"),
        a_cancelled(unheard, ran=True, text=""),
    )
    for place, ending in enumerate(endings):
        await claimed(house.leases, ending.prompt, place)
        await house.settling.settle(ending, 0, place, CLOCK.now_ms())

    assert await house.conversations.history("conv_1") == (Message("user", "long"), Message("assistant", "so far"))


async def test_a_deleted_conversation_stays_deleted_when_the_log_is_read_again(house: House) -> None:
    created = ConversationCreated(conversation="conv_1", tenant="acme", at_ms=1.0)
    prompt = a_prompt(conversation="conv_1")
    await house.conversations.open(created)
    await house.conversations.forget(ConversationDeleted(conversation="conv_1", tenant="acme"))
    await house.conversations.open(created)
    await house.settling.settle(a_completed(prompt), 0, 0, CLOCK.now_ms())

    assert await house.conversations.read("conv_1") is None
    assert await house.conversations.of_tenant("acme", 20) == Page((), has_more=False)
    assert await house.conversations.history("conv_1") == ()
    assert await house.intake.accept(a_prompt(conversation="conv_1"), QUOTA) == Refused("no_conversation")


async def test_a_conversation_keeps_the_lane_of_its_first_turn(house: House) -> None:
    await house.conversations.open(ConversationCreated(conversation="conv_1", tenant="acme", at_ms=1.0))
    await house.intake.accept(a_prompt(conversation="conv_1", lane="interactive"), QUOTA)

    assert await house.intake.accept(a_prompt(conversation="conv_1"), QUOTA) == Refused("lane", "interactive")


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


DAY_MS = 86_400_000.0


async def left_days(house: House, key: str) -> float:
    return float(await house.scripts.redis.pttl(f"{house.scripts.prefix}{key}")) / DAY_MS


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


async def test_a_record_that_comes_after_its_job_was_aborted_ends_once_for_all(house: House) -> None:
    prompt = a_prompt()
    await house.intake.accept(prompt, QUOTA)
    await house.intake.abort(prompt.job_id, older_than_ms=-1)
    assert await house.leases.claim(prompt, 0) == Gone()

    assert await house.settling.settle(a_cancelled(prompt), 0, 3, CLOCK.now_ms()) == "late"
    assert await house.settling.settle(a_cancelled(prompt), 0, 3, CLOCK.now_ms()) == "again"

    assert await house.leases.claim(prompt, 0) == Published()
    assert [each.kind for each in await live.entries_after(house.scripts, prompt.job_id)] == ["done"]


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
