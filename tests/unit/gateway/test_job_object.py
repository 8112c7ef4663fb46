"""A job as clients see it: the fields of the conventions, and nothing that is not yet visible."""

from dataclasses import replace

import pytest

from gateway.admission import Budget, limit_headers, period
from gateway.job_object import error_of, job_object
from gateway.paging import page, page_asked
from gateway.timeline import timeline
from producers.events import AnswerExpired, Terminal
from producers.jobs.intake import QuotaLeft
from producers.jobs.record import JobRecord, Retention
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

PROMPT = a_prompt(received_ms=1_800_000_000_900.0)
KEPT = Retention(job_ms=60_000)
WRITES = Budget("permin", 600, "key_1", 20)
RUNNING = JobRecord(PROMPT.job_id, "running", PROMPT, None, 2, cancelling=False, times={"started": 1_800_000_001_100.0})


def ended(state: str, ending: Terminal) -> JobRecord:
    return replace(RUNNING, state=state, ending=ending, times={"finished": 1_800_000_002_000.0})


def test_the_object_has_every_field_of_the_conventions() -> None:
    assert job_object(RUNNING, KEPT) == {
        "id": PROMPT.job_id, "object": "job", "status": "running", "created_at": 1_800_000_000,
        "started_at": 1_800_000_001, "finished_at": None, "expires_at": 1_800_000_060, "model": "smollm2",
        "lane": "standard", "conversation": None, "attempt": 2, "queue": None, "result": None, "error": None,
        "usage": None, "cache": None, "metadata": {},
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

    assert completed["result"]["choices"][0]["message"]["content"] == "Rayleigh scattering."
    assert (completed["usage"]["total_tokens"], completed["cache"], completed["error"]) == (10, "miss", None)
    assert (failed["result"], failed["error"].message) == (None, "the model server is gone")
    assert (aborted["result"], aborted["error"]) == (None, None)


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


def test_limits_are_told_in_both_dialects() -> None:
    headers = limit_headers(WRITES, QuotaLeft(599, 100.0, 0.0, 3))

    assert headers == {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "599",
        "x-ratelimit-reset-requests": "1s",
        "RateLimit-Policy": '"permin";q=600;w=60, "jobs";q=20;qu="concurrent-requests"',
        "RateLimit": '"permin";r=599;t=1, "jobs";r=17',
    }
    assert limit_headers(WRITES, None) == {}


def test_with_nothing_left_a_client_is_told_when_there_will_be_one_again() -> None:
    headers = limit_headers(WRITES, QuotaLeft(0, 59_990.0, 90.0))

    assert headers["RateLimit"] == '"permin";r=0;t=1'
    assert headers["x-ratelimit-reset-requests"] == "1m0s"


def test_periods_are_written_as_openai_writes_them() -> None:
    assert [period(each) for each in (0, 1, 60, 360, 3600, 3661)] == ["0s", "1s", "1m0s", "6m0s", "1h0m0s", "1h1m1s"]


def test_a_page_ends_where_the_next_begins() -> None:
    ids = ["c", "b", "a"]
    first, more = page(ids, page_asked({"limit": "2"}))
    rest, no_more = page(ids, page_asked({"limit": "2", "after": first[-1]}))

    assert (first, more, rest, no_more) == (["c", "b"], True, ["a"], False)
