"""A job as clients see it: the fields of the conventions, and nothing that is not yet visible."""

from dataclasses import replace

import pytest

from gateway.http.paging import page, page_asked
from gateway.jobs.objects import error_of, job_object
from gateway.jobs.timeline import timeline
from producers.events import AnswerExpired, AnswerFailed, JobError, ResponseTerms, Terminal, Truncated
from producers.jobs.record import JobRecord
from producers.state.retention import Retention
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

PROMPT = a_prompt(received_ms=1_800_000_000_900.0)
KEPT = Retention(job_ms=60_000)
RUNNING = JobRecord(PROMPT.job_id, "running", PROMPT, None, 2, cancelling=False, times={"started": 1_800_000_001_100.0})


def ended(state: str, ending: Terminal) -> JobRecord:
    return replace(RUNNING, state=state, ending=ending, times={"finished": 1_800_000_002_000.0})


def test_the_object_has_every_field_of_the_conventions() -> None:
    assert job_object(RUNNING, KEPT) == {
        "id": PROMPT.job_id, "object": "job", "status": "running", "created_at": 1_800_000_000,
        "started_at": 1_800_000_001, "finished_at": None, "expires_at": 1_800_000_060, "model": "smollm2",
        "lane": "standard", "conversation": None, "attempt": 2, "queue": None, "result": None, "error": None,
        "usage": None, "truncated": None, "cache": None, "metadata": {},
        "urls": {
            "self": f"/v1/jobs/{PROMPT.job_id}", "events": f"/v1/jobs/{PROMPT.job_id}/events",
            "cancel": f"/v1/jobs/{PROMPT.job_id}/cancel", "timeline": f"/v1/jobs/{PROMPT.job_id}/timeline",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "cancelling", "status"),
    [
        ("accepting", False, "queued"),
        ("queued", False, "queued"),
        ("running", False, "running"),
        ("running", True, "cancelling"),
        ("finishing", False, "running"),
        ("completed", False, "completed"),
    ],
)
def test_inner_states_are_not_shown(state: str, cancelling: bool, status: str) -> None:
    assert job_object(replace(RUNNING, state=state, cancelling=cancelling), KEPT)["status"] == status


def test_an_ending_that_is_not_published_yet_is_not_shown() -> None:
    finishing = replace(RUNNING, state="finishing", ending=a_completed(PROMPT), times={"finished": 1.0})
    shown = job_object(finishing, KEPT)

    assert (shown["status"], shown["result"], shown["finished_at"], shown["cache"]) == ("running", None, None, None)


def test_each_end_shows_what_it_has() -> None:
    completed = job_object(ended("completed", a_completed(PROMPT)), KEPT)
    failed = job_object(ended("failed", a_failed(PROMPT)), KEPT)
    aborted = job_object(ended("aborted", a_cancelled(PROMPT)), KEPT)
    shortened = job_object(ended("completed", a_completed(PROMPT, truncated=Truncated(3))), KEPT)

    assert completed["result"]["choices"][0]["message"]["content"] == "Rayleigh scattering."
    assert (completed["usage"]["total_tokens"], completed["cache"], completed["error"]) == (10, "miss", None)
    assert (failed["result"], failed["error"].message) == (None, "the model server is gone")
    assert (aborted["result"], aborted["error"]) == (None, None)
    assert shortened["truncated"] == shortened["result"]["truncated"] == {"turns_dropped": 3}
    assert "truncated" not in completed["result"], "OpenAI's has no such field"


def test_whoever_waits_is_told_why_there_is_no_answer() -> None:
    found = [
        error_of(each) for each in (a_cancelled(PROMPT), AnswerExpired(job_id="j", prompt=PROMPT), a_failed(PROMPT))
    ]

    assert [each.code for each in found if each] == ["cancelled", "deadline_exceeded", None]
    assert error_of(a_completed(PROMPT)) is None


def test_the_timeline_is_in_the_order_of_time() -> None:
    times = {"received": 1000.0, "claimed": 1004.0, "acknowledged": 1005.5, "accepted": 1001.0, "started": 1004.0}
    steps = timeline(replace(RUNNING, times=times))["steps"]

    assert [(each["step"], each["since_received_ms"], each["since_previous_ms"]) for each in steps] == [
        ("received", 0.0, 0.0), ("accepted", 1.0, 1.0), ("claimed", 4.0, 3.0), ("acknowledged", 5.5, 1.5)
    ]  # fmt: skip
    assert timeline(replace(RUNNING, times={}))["steps"] == []


def test_a_page_ends_where_the_next_begins() -> None:
    ids = ["c", "b", "a"]
    first, more = page(ids, page_asked({"limit": "2"}))
    rest, no_more = page(ids, page_asked({"limit": "2", "after": first[-1]}))

    assert (first, more, rest, no_more) == (["c", "b"], True, ["a"], False)


def test_who_asked_for_a_response_is_told_of_its_input_and_all_others_of_their_messages() -> None:
    too_long = JobError("too long", "invalid_request_error", "messages", "context_length_exceeded")
    prompts = a_prompt(), a_prompt(response=ResponseTerms())
    told = [error_of(AnswerFailed(job_id=each.job_id, prompt=each, error=too_long)) for each in prompts]

    assert [each and each.param for each in told] == ["messages", "input"]
