"""A job over HTTP: submitted, read, repeated, cancelled."""

import asyncio
from typing import Any

import pytest

from gateway.keys import INTAKE
from gateway.no_job import GivenUp
from gateway.prompts.submission import SUBMISSIONS, Admitted
from gateway.readers.following import Following
from producers.answers.answer_cache import key_of
from producers.events import AnswerCancelled, Limits
from producers.jobs import record
from producers.jobs.intake import NotAccepted
from producers.log.topics import ANSWERS
from tests.support.builders import a_completed, a_prompt
from tests.support.gateway import MODEL, Log, PlayedWorker, RunningGateway
from tests.support.views import read_by_the_view

PROMPT = {"model": MODEL, "input": "Why is the sky blue?"}


async def test_a_submitted_prompt_is_in_the_log_before_the_client_hears_of_it(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    answer = await gateway.post("/v1/jobs", {**PROMPT, "lane": "batch", "metadata": {"a": "b"}})

    job = answer.json
    assert answer.status == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert (job["object"], job["status"], job["lane"], job["metadata"]) == ("job", "queued", "batch", {"a": "b"})
    prompt, _ = await worker.next_prompt()
    assert (prompt.job_id, prompt.lane, prompt.messages[0].content) == (job["id"], "batch", "Why is the sky blue?")


async def test_a_job_is_read_from_queued_to_completed(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    queued = await gateway.get(f"/v1/jobs/{job_id}")
    await worker.answer("It ", "scatters.")
    done = await gateway.get(f"/v1/jobs/{job_id}")
    same = await gateway.get(f"/v1/jobs/{job_id}", If_None_Match=done.headers["ETag"])

    assert queued.json["status"] == "queued"
    assert queued.headers["Retry-After"]
    assert done.json["status"] == "completed"
    assert done.json["result"]["choices"][0]["message"]["content"] == "It scatters."
    assert done.json["usage"]["total_tokens"] == 10
    assert "Retry-After" not in done.headers
    assert done.headers["ETag"] != queued.headers["ETag"]
    assert (same.status, same.content) == (304, b"")


async def test_the_submitted_object_is_the_one_that_is_read(gateway: RunningGateway) -> None:
    submitted = await gateway.post("/v1/jobs", {**PROMPT, "deadline": 60})
    read = await gateway.get(f"/v1/jobs/{submitted.json['id']}")

    assert read.json["queue"]["position"] == 1
    assert {**read.json, "queue": None} == submitted.json


async def test_the_same_idempotency_key_gives_the_same_job(gateway: RunningGateway, worker: PlayedWorker) -> None:
    first = await gateway.post("/v1/jobs", PROMPT, Idempotency_Key='"k-1"')
    again = await gateway.post("/v1/jobs", dict(reversed(PROMPT.items())), Idempotency_Key="k-1")
    await worker.answer("Because.")
    ended = await gateway.post("/v1/jobs", PROMPT, Idempotency_Key="k-1")
    other = await gateway.post("/v1/jobs", {**PROMPT, "input": "Why?"}, Idempotency_Key="k-1")

    assert (again.status, again.json["id"]) == (202, first.json["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (ended.status, ended.json["id"], ended.json["status"]) == (202, first.json["id"], "completed")
    assert (other.status, other.json["error"]["type"]) == (422, "invalid_request_error")
    assert worker.log.nothing_waits(), "the prompt went into the log once only"


async def test_a_job_that_was_given_up_before_the_log_held_it_is_never_promised(gateway: RunningGateway) -> None:
    prompt, intake, submissions = a_prompt(tenant=gateway.tenant), gateway.app[INTAKE], gateway.app[SUBMISSIONS]
    await intake.accept(prompt, Limits(requests_per_minute=60, jobs_in_flight=60))
    assert await intake.abort(prompt.job_id, older_than_ms=-1)

    assert await submissions.enqueue(prompt) == GivenUp()
    assert await submissions.again(prompt.job_id) == GivenUp()


async def test_a_repeat_sends_the_prompt_again_where_the_log_may_lack_it(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    first = await gateway.post("/v1/jobs", PROMPT, Idempotency_Key="k-1")
    await worker.next_prompt()
    # As if this process had died between the script and the broker's acknowledgement.
    await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}job:{first.json['id']}", "state", "accepting")
    again = await gateway.post("/v1/jobs", PROMPT, Idempotency_Key="k-1")

    prompt, _ = await worker.next_prompt()
    stands = await record.read(gateway.scripts, prompt.job_id)
    assert again.json["id"] == prompt.job_id == first.json["id"]
    assert stands is not None
    assert stands.state == "queued"


async def test_a_queued_job_that_is_cancelled_is_aborted_at_once_and_never_runs(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    answers = Log(gateway.kafka, [ANSWERS])
    await answers.start()
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    cancelled = await gateway.post(f"/v1/jobs/{job_id}/cancel", {})
    again = await gateway.post(f"/v1/jobs/{job_id}/cancel", {})
    prompt, place = await worker.next_prompt()
    claimed = await worker.leases.claim(prompt, place)
    event, _ = await answers.next(gateway.tenant)
    await answers.close()

    assert (cancelled.status, cancelled.json["status"]) == (200, "aborted")
    assert again.json == cancelled.json
    assert type(claimed).__name__ == "Published"
    assert isinstance(event, AnswerCancelled)
    assert (event.job_id, event.ran) == (job_id, False)


async def test_a_running_job_that_is_cancelled_is_cancelling_until_its_worker_stops(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    prompt, lease = await worker.claim()
    asked = await gateway.post(f"/v1/jobs/{job_id}/cancel", {})
    read = await gateway.get(f"/v1/jobs/{job_id}")
    told = await worker.leases.renew([lease])
    await worker.end(lease, AnswerCancelled(job_id=job_id, prompt=prompt, ran=True, text="It sc"))
    ended = await gateway.post(f"/v1/jobs/{job_id}/cancel", {})

    assert (asked.status, asked.json["status"]) == (202, "cancelling")
    assert read.json["status"] == "cancelling"
    assert told == ["cancelled"]
    assert (ended.status, ended.json["status"]) == (200, "cancelled")


async def test_an_answer_in_the_cache_is_given_at_once_and_told_in_the_log(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    await gateway.post("/v1/jobs", PROMPT)
    prompt = await worker.answer("It scatters.")
    await read_by_the_view(gateway.scripts, a_completed(prompt, "It scatters."))
    answers = Log(gateway.kafka, [ANSWERS])
    await answers.start()
    hit = await gateway.post("/v1/jobs", PROMPT)
    sampled = await gateway.post("/v1/jobs", {**PROMPT, "temperature": 0.7})
    only = await gateway.post("/v1/jobs", {**PROMPT, "cache": "only"})
    event, _ = await answers.next(gateway.tenant)
    read = await gateway.get(f"/v1/jobs/{hit.json['id']}")
    await answers.close()

    assert (hit.status, hit.json["status"], hit.json["cache"]) == (202, "completed", "hit")
    assert hit.json["id"] != prompt.job_id
    assert hit.json["result"]["choices"][0]["message"]["content"] == "It scatters."
    assert (event.job_id, event.cache) == (hit.json["id"], "hit")
    assert read.json["result"] == hit.json["result"]
    assert sampled.json["status"] == "queued"
    assert only.json["status"] == "completed"


async def test_an_answer_in_the_cache_that_no_record_can_hold_is_told_as_the_log_tells_it(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    await gateway.post("/v1/jobs", PROMPT)
    prompt = await worker.answer("It scatters.")
    await read_by_the_view(gateway.scripts, a_completed(prompt, "x" * 5_000_000))
    hit = await gateway.post("/v1/jobs", PROMPT)
    read = await gateway.get(f"/v1/jobs/{hit.json['id']}")

    assert (hit.status, hit.json["status"], hit.json["error"]["code"]) == (202, "failed", "answer_too_large")
    assert read.json["error"] == hit.json["error"]


async def test_asking_the_cache_only_queues_nothing_on_a_miss(gateway: RunningGateway, worker: PlayedWorker) -> None:
    miss = await gateway.post("/v1/jobs", {**PROMPT, "cache": "only"})
    following = await gateway.post("/v1/jobs", PROMPT)
    prompt, _ = await worker.next_prompt()

    assert (miss.status, miss.json["error"]["code"]) == (404, "cache_miss")
    assert prompt.job_id == following.json["id"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_earlier_answer_that_cannot_be_read_is_none_and_leaves_nothing_held(
    gateway: RunningGateway, at_once: bool
) -> None:
    prompt = a_prompt(tenant=gateway.tenant, cache="only")
    await gateway.scripts.redis.set(f"{gateway.scripts.prefix}cache:{key_of(prompt)}", "no answer")
    submissions, limits = gateway.app[SUBMISSIONS], Limits(requests_per_minute=9, jobs_in_flight=1)
    found = await submissions.enter(prompt, limits, at_once=at_once)
    following = await submissions.enter(a_prompt(tenant=gateway.tenant), limits, at_once=at_once)

    assert found == NotAccepted("not_cached")
    assert found.stands is not None
    assert found.stands.key.requests is not None
    assert found.stands.key.requests.whole == 8
    assert isinstance(following, Admitted)


async def test_a_client_that_prefers_to_wait_gets_the_ended_job(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asked = asyncio.create_task(gateway.post("/v1/jobs", PROMPT, Prefer="wait=50"))
    await worker.answer("Because.")
    answer = await asked
    impatient = await gateway.post("/v1/jobs", PROMPT | {"cache": "bypass"}, Prefer="wait=1")

    assert (answer.status, answer.json["status"]) == (200, "completed")
    assert answer.headers["Preference-Applied"] == "wait=50"
    assert (impatient.status, impatient.json["status"]) == (202, "queued")
    assert "Preference-Applied" not in impatient.headers


async def test_who_waits_for_what_is_there_already_gets_it_with_200(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    await gateway.post("/v1/jobs", PROMPT, Idempotency_Key="k-1")
    prompt = await worker.answer("It scatters.")
    await read_by_the_view(gateway.scripts, a_completed(prompt, "It scatters."))
    again = await gateway.post("/v1/jobs", PROMPT, Idempotency_Key="k-1", Prefer="wait=5")
    hit = await gateway.post("/v1/jobs", PROMPT, Prefer="wait=90")

    assert (again.status, again.json["status"], again.headers["Idempotent-Replayed"]) == (200, "completed", "true")
    assert (hit.status, hit.json["cache"], hit.headers["Preference-Applied"]) == (200, "hit", "wait=60")


async def test_who_waits_too_short_is_told_how_far_the_job_has_come(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is over once the job runs, however long it takes a busy machine to get there."""
    is_claimed, until_ended = asyncio.Event(), Following.until_ended

    async def until_claimed(following: Following, reader: Any, within_s: float, **how: Any) -> Any:
        await is_claimed.wait()
        return await until_ended(following, reader, within_s / 100, **how)

    monkeypatch.setattr(Following, "until_ended", until_claimed)
    asking = asyncio.create_task(gateway.post("/v1/jobs", PROMPT, Prefer="wait=1"))
    _, lease = await worker.claim()
    is_claimed.set()
    answer = await asking

    assert (answer.status, answer.json["status"], lease.attempt) == (202, "running", 1)


async def test_the_timeline_shows_each_step_with_its_time(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    await worker.answer("Be", "cause.")
    timeline = (await gateway.get(f"/v1/jobs/{job_id}/timeline")).json

    names = [each["step"] for each in timeline["steps"]]
    assert timeline["status"] == "completed"
    assert set(names) == {
        "received", "accepted", "acknowledged", "claimed", "first_token", "finished", "published", "visible"
    }  # fmt: skip
    assert names[0] == "received"
    assert all(each["since_previous_ms"] >= 0 for each in timeline["steps"])


@pytest.mark.parametrize("method", ["GET", "events", "timeline", "cancel", "feedback"])
async def test_another_tenants_job_does_not_exist(gateway: RunningGateway, method: str) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    stranger = await gateway.issue("somebody-else")
    headers = {"Authorization": f"Bearer {stranger.api_key}"}
    path = f"/v1/jobs/{job_id}" if method == "GET" else f"/v1/jobs/{job_id}/{method}"
    if method in {"cancel", "feedback"}:
        theirs = await gateway.post(path, {}, **headers)
        unknown = await gateway.post(path.replace(job_id, "job_none"), {}, **headers)
    else:
        theirs = await gateway.get(path, **headers)
        unknown = await gateway.get(path.replace(job_id, "job_none"), **headers)

    assert (theirs.status, unknown.status) == (404, 404)
    assert theirs.json == {
        "error": {**unknown.json["error"], "message": unknown.json["error"]["message"].replace("job_none", job_id)}
    }
