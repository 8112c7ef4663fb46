"""Every error has one shape, and a status that follows from it."""

import json

import pytest
from aiohttp import web

from gateway.http import problems
from gateway.no_job import Deleted, GivenUp, NoJob, NoLongerKept, Unknown
from infra.errors import InvalidEvent, OurFault, TooLarge, TryAgain, Unavailable, WrongField
from producers.events import JobError
from tests.support.builders import a_prompt

RECEIVED_MS = 1_799_971_200_000.0
"""The moment in which a day of UTC begins."""


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Unavailable("kafka", after_s=2.5), 503, "server_error"),
        (TooLarge("a record"), 413, "invalid_request_error"),
        (WrongField("top_p must be a number", "top_p"), 400, "invalid_request_error"),
        (WrongField("no such model", "model", code="model_not_found"), 404, "invalid_request_error"),
        (TryAgain("later"), 503, "server_error"),
        (OurFault("a promise is broken"), 500, "server_error"),
        (InvalidEvent("no event"), 500, "server_error"),
        (ZeroDivisionError(), 500, "server_error"),
        (web.HTTPNotFound(), 404, "invalid_request_error"),
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "invalid_request_error"),
        (web.HTTPExpectationFailed(), 417, "invalid_request_error"),
        (web.HTTPBadGateway(), 502, "server_error"),
        (web.RequestPayloadError("broken"), 400, "invalid_request_error"),
        (problems.wrong_key("no"), 401, "authentication_error"),
        (problems.other_payload(), 422, "invalid_request_error"),
    ],
)
def test_any_error_has_its_status_and_the_one_shape(error: Exception, status: int, kind: str) -> None:
    problem = problems.of(error)

    assert problem.status == status
    told = json.loads(problem.body())["error"]
    assert set(told) == {"message", "type", "param", "code"}
    assert told["type"] == kind


def test_what_is_our_fault_says_nothing_of_our_inside() -> None:
    assert "secret" not in problems.of(RuntimeError("secret")).body().decode()


def test_try_again_says_when() -> None:
    assert problems.of(Unavailable("kafka", after_s=2.5)).headers["Retry-After"] == "3"
    assert problems.of(Unavailable("kafka", after_s=0.0)).headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("why", "status", "after"),
    [(GivenUp(), 503, "1"), (Deleted(), 404, None), (Unknown("job_1"), 404, None), (NoLongerKept(), 410, None)],
)
def test_why_there_is_no_job_has_a_status(why: NoJob, status: int, after: str | None) -> None:
    with pytest.raises(problems.Problem) as told:
        problems.must_be_there(why)

    assert (told.value.status, told.value.headers.get("Retry-After")) == (status, after)


def test_a_wrong_method_is_told_the_right_ones() -> None:
    problem = problems.of(web.HTTPMethodNotAllowed("PUT", {"POST", "GET"}))

    assert (problem.status, problem.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (JobError("bad value", "invalid_request_error", "temperature"), 400),
        (JobError("busy", code="overloaded"), 503),
        (JobError("away", code="model_unreachable"), 503),
        (JobError("spent", "rate_limit_error", code="insufficient_quota"), 429),
        (JobError("gone"), 500),
        (JobError("too late", code="deadline_exceeded"), 504),
        (JobError("stopped", "invalid_request_error", code="cancelled"), 409),
        (JobError("odd", "what_is_this"), 500),
    ],
)
def test_a_job_without_an_answer_has_a_status_for_who_waits(error: JobError, status: int) -> None:
    assert problems.of_job(error, a_prompt()).status == status


@pytest.mark.parametrize(
    ("code", "told_ms", "after"),
    [
        ("insufficient_quota", RECEIVED_MS + 3_600_001, "82800"),
        ("insufficient_quota", RECEIVED_MS + 24 * 3_600_000, "1"),
        ("rate_limit_exceeded", RECEIVED_MS, "60"),
    ],
)
def test_a_job_that_a_limit_ended_says_when_another_one_may_pass(code: str, told_ms: float, after: str) -> None:
    error = JobError("no room", "rate_limit_error", code=code)
    headers = problems.of_job(error, a_prompt(received_ms=RECEIVED_MS)).response(told_ms).headers

    assert (headers["Retry-After"], headers["x-should-retry"]) == (after, "false")
