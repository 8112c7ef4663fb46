"""A job's stream as the text a terminal shows."""

import json
from typing import Any

from gateway.client.shown import STARTS_OVER, Shown, answer_of, failure_of
from infra.sse import ServerSentEvent
from tests.support.unruly_gateway import job


def event(kind: str, data: Any) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data), kind, "1")


def test_tokens_are_printed_as_they_come_and_the_end_adds_nothing() -> None:
    shown = Shown()

    printed = [
        shown.take(each)
        for each in (
            event("status", {"status": "running"}),
            event("token", {"text": "Bl"}),
            event("token", {"text": "ue."}),
            event("done", job(text="Blue.")),
        )
    ]

    assert printed == ["", "Bl", "ue.", ""]


def test_a_snapshot_adds_only_what_was_not_printed_yet() -> None:
    shown = Shown()
    shown.take(event("token", {"text": "Bl"}))

    assert shown.take(event("snapshot", {"text": "Blue"})) == "ue"
    assert shown.take(event("done", job(text="Blue."))) == "."


def test_an_answer_that_starts_over_says_so() -> None:
    shown = Shown()
    shown.take(event("token", {"text": "Red"}))

    assert shown.take(event("snapshot", {"text": "Blue"})) == STARTS_OVER + "Blue"


def test_an_answer_from_the_cache_comes_with_the_end() -> None:
    assert Shown().take(event("done", job(text="Blue."))) == "Blue."


def test_a_job_without_an_answer_says_why() -> None:
    failed = job("failed", error={"message": "the model server is overloaded"})

    assert answer_of(failed) is None
    assert failure_of(failed) == "the job job_1 is failed: the model server is overloaded"
    assert failure_of(job("aborted")) == "the job job_1 is aborted"
