"""A prompt is accepted once, within its key's limits, and given back where the log never got it."""

from typing import Any

import pytest

from producers.events import AnswerFailed, ConversationCreated, JobError, Limits
from producers.jobs import record
from producers.jobs.intake import Accepted, Again, MayEnter, NotAccepted, OverQuota
from producers.jobs.lease import Gone, Parked, Published
from producers.log import codec
from producers.log.places import Place
from producers.state.positions import Move
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.life import QUOTA, House
from tests.support.views import applied

CALL: dict[str, Any] = {"route": "/v1/chat/completions"}


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


async def test_a_call_that_may_go_well_another_time_frees_its_key_and_a_job_keeps_it(house: House) -> None:
    away = JobError("The model server cannot be reached.", code="model_unreachable")
    found = []
    for place, (route, error) in enumerate(
        (
            (CALL, away),
            ({"route": "/v1/jobs"}, away),
            ({**CALL, "as_job": True}, away),
            (CALL, JobError("?")),
        )
    ):
        named = {"idempotency_key": f"k{place}", "fingerprint": "a", **route}
        first, repeated = a_prompt(**named), a_prompt(**named)
        await house.intake.accept(first, Limits())
        ending = AnswerFailed(job_id=first.job_id, prompt=first, error=error)
        await house.settling.settle(ending, 0, place, CLOCK.now_ms())
        found.append(await house.intake.accept(repeated, Limits()))

    assert [type(each) for each in found] == [Accepted, Again, Again, Again]


@pytest.mark.parametrize("order", ["12a", "21a", "1a2", "2a1", "a12", "a21"])
async def test_a_key_that_a_failure_freed_is_the_second_calls_however_the_log_is_read(house: House, order: str) -> None:
    away = JobError("The model server cannot be reached.", code="model_unreachable")
    named = {"idempotency_key": "k", "fingerprint": "a", "received_ms": CLOCK.now_ms(), **CALL}
    first, second = a_prompt(**named), a_prompt(**named)
    failed = AnswerFailed(job_id=first.job_id, prompt=first, error=away)
    told: dict[str, tuple[Any, str, int]] = {
        "1": (first, "prompts.standard", 0),
        "2": (second, "prompts.standard", 1),
        "a": (failed, "answers", 0),
    }

    for each in order:
        event, topic, partition = told[each]
        move = Move(Place(topic, partition, 0), expected=0, mark=1, timestamp_ms=CLOCK.now_ms())
        await applied(house.scripts, event, move)

    assert await house.intake.accept(a_prompt(**named), Limits()) == Again(second.job_id)


async def test_a_key_over_its_limits_is_refused_and_reserves_nothing(house: House) -> None:
    few = Limits(requests_per_minute=6, jobs_in_flight=3)
    for _ in range(3):
        await house.intake.accept(a_prompt(), few)
    by_jobs = await house.intake.accept(a_prompt(), few)
    one = Limits(requests_per_minute=1)
    first = await house.intake.accept(a_prompt(key_id="key_2"), one)
    by_requests = await house.intake.accept(a_prompt(key_id="key_2"), one)

    assert isinstance(by_jobs, OverQuota)
    assert by_jobs.standing.requests is not None
    assert (by_jobs.by, by_jobs.standing.requests.whole) == ("jobs", 3)
    assert isinstance(first, Accepted)
    assert isinstance(by_requests, OverQuota)
    assert by_requests.by == "requests"


async def test_an_ended_job_gives_its_place_back(house: House) -> None:
    one = Limits(requests_per_minute=60, jobs_in_flight=1)
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
    prompt = a_prompt()
    await house.intake.accept(prompt, QUOTA)
    long_ago_ms = CLOCK.now_ms() - 60_000
    await house.scripts.redis.zadd(f"{house.scripts.prefix}accepting", {prompt.job_id: long_ago_ms})
    await house.scripts.redis.hset(f"{house.scripts.prefix}job:{prompt.job_id}", "accepted_ms", str(long_ago_ms))

    await house.intake.expect(prompt.job_id)

    score = await house.scripts.redis.zscore(f"{house.scripts.prefix}accepting", prompt.job_id)
    assert (score or 0.0) > CLOCK.now_ms() - 30_000
    assert not await house.intake.abort(prompt.job_id, older_than_ms=30_000)
    assert await house.intake.acknowledge(prompt.job_id) == "queued"
    await house.intake.expect(prompt.job_id)
    assert await house.scripts.redis.zscore(f"{house.scripts.prefix}accepting", prompt.job_id) is None


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


async def test_the_cache_is_asked_as_a_prompt_is_accepted_and_not_where_it_is_refused(house: House) -> None:
    await house.scripts.redis.set(f"{house.scripts.prefix}cache:k", b"an earlier answer")
    one = Limits(jobs_in_flight=1)

    hit = await house.intake.accept(a_prompt(), one, cache_key="k")
    miss = await house.intake.accept(a_prompt(key_id="key_2"), one, cache_key="another")
    refused = await house.intake.accept(a_prompt(key_id="key_2"), one, cache_key="k")

    assert isinstance(hit, Accepted)
    assert isinstance(miss, Accepted)
    assert (hit.earlier, miss.earlier) == (b"an earlier answer", None)
    assert isinstance(refused, OverQuota)


async def test_a_job_that_the_cache_answered_ends_with_that_and_no_worker_answers_it_besides(house: House) -> None:
    prompt = a_prompt(idempotency_key="k", fingerprint="a")
    await house.scripts.redis.set(f"{house.scripts.prefix}cache:k", codec.encode(a_completed(a_prompt(), "Earlier.")))

    await house.intake.accept(prompt, QUOTA, cache_key="k")
    again = await house.intake.accept(prompt, QUOTA, cache_key="k")
    aborted = await house.intake.abort(prompt.job_id, 0)
    claim = await house.leases.claim(prompt, 0)
    job = await record.read(house.scripts, prompt.job_id)

    assert (again, aborted, claim) == (Again(prompt.job_id), False, Parked("held", 1.0))
    assert job is not None
    assert job.ending is not None
    assert (job.state, job.status, job.ending.text) == ("finishing", "running", "Earlier.")
    await house.settling.settle(job.ending, 0, 10, CLOCK.now_ms())
    assert await house.leases.claim(prompt, 0) == Published()


async def test_a_prompt_that_wants_the_caches_answer_only_is_no_job_without_one(house: House) -> None:
    prompt = a_prompt(cache="only")
    before = await house.intake.accept(prompt, QUOTA, cache_key="here")
    left = await house.scripts.redis.exists(f"{house.scripts.prefix}job:{prompt.job_id}")
    await house.scripts.redis.set(f"{house.scripts.prefix}cache:here", "an answer")
    after = await house.intake.accept(prompt, QUOTA, cache_key="here")

    assert (before, left) == (NotAccepted("not_cached"), 0)
    assert isinstance(after, Accepted)
    assert after.earlier == b"an answer"


async def test_who_only_asks_is_told_what_would_be_said_and_has_no_job(house: House) -> None:
    prompt, one = a_prompt(idempotency_key="k", fingerprint="a"), Limits(requests_per_minute=2, jobs_in_flight=1)
    asked = await house.intake.ask(prompt, one)
    left = await house.scripts.redis.exists(f"{house.scripts.prefix}job:{prompt.job_id}")
    accepted = await house.intake.accept(prompt, one, asked=True)
    then = [await house.intake.ask(each, one) for each in (prompt, a_prompt(), a_prompt())]

    assert isinstance(asked, MayEnter)
    assert left == 0
    assert isinstance(accepted, Accepted)
    assert accepted.stands.key.requests is not None
    assert accepted.stands.key.requests.whole == 1, "it was counted when it was asked about"
    assert then[0] == Again(prompt.job_id)
    assert [each.by for each in then[1:] if isinstance(each, OverQuota)] == ["requests", "requests"]
