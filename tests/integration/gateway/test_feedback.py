"""Feedback over HTTP: on the caller's own completed jobs, replaced when it is given again."""

from typing import Any

import pytest

from producers.events import FeedbackGiven
from producers.log.topics import FEEDBACK
from tests.support.gateway import MODEL, Log, PlayedWorker, RunningGateway

PROMPT: dict[str, Any] = {"model": MODEL, "input": "Why?"}


@pytest.fixture
async def job_id(gateway: RunningGateway, worker: PlayedWorker) -> str:
    """A completed job."""
    submitted = await gateway.post("/v1/jobs", PROMPT)
    await worker.answer("Because.")
    found: str = submitted.json["id"]
    return found


async def test_the_same_author_and_kind_replaces_what_was_said(gateway: RunningGateway, job_id: str) -> None:
    log = Log(gateway.kafka, [FEEDBACK])
    await log.start()
    here = f"/v1/jobs/{job_id}/feedback"
    up = await gateway.post(here, {"kind": "thumb", "value": "up", "author": "ann", "tags": ["nice"]})
    down = await gateway.post(here, {"kind": "thumb", "value": "down", "author": "ann"})
    other = await gateway.post(here, {"kind": "thumb", "value": "up", "author": "bob"})
    score = await gateway.post(here, {"kind": "score", "value": 1, "author": "ann"})
    events = [(await log.next(gateway.tenant))[0] for _ in range(4)]
    await log.close()

    assert [each.status for each in (up, down, other, score)] == [201, 200, 201, 201]
    assert (up.json["object"], up.json["job_id"], up.json["value"]) == ("feedback", job_id, "up")
    assert up.json["id"] == down.json["id"] == events[1].feedback_id
    assert len({up.json["id"], other.json["id"], score.json["id"]}) == 3
    assert all(isinstance(each, FeedbackGiven) for each in events)
    assert [each.value for each in events] == ["up", "down", "up", 1.0]


async def test_feedback_that_makes_no_sense_is_refused(gateway: RunningGateway, job_id: str) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"kind": "applause", "value": "up"}, "kind"),
        ({"kind": "thumb"}, "value"),
        ({"kind": "thumb", "value": "sideways"}, "value"),
        ({"kind": "thumb", "value": 1}, "value"),
        ({"kind": "score", "value": 1.5}, "value"),
        ({"kind": "score", "value": "1"}, "value"),
        ({"kind": "score", "value": True}, "value"),
        ({"kind": "correction", "value": ""}, "value"),
        ({"kind": "comment", "value": 3}, "value"),
        ({"kind": "preference", "value": "job_unknown"}, "value"),
        ({"kind": "preference", "value": job_id}, "value"),
        ({"kind": "thumb", "value": "up", "author": "x" * 129}, "author"),
        ({"kind": "thumb", "value": "up", "tags": ["x"] * 17}, "tags"),
        ({"kind": "thumb", "value": "up", "mood": "good"}, "mood"),
    ]
    for body, param in cases:
        answer = await gateway.post(f"/v1/jobs/{job_id}/feedback", body)
        assert (answer.status, answer.json["error"]["param"]) == (400, param), body


async def test_a_preference_names_another_completed_job(
    gateway: RunningGateway, worker: PlayedWorker, job_id: str
) -> None:
    better = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    too_early = await gateway.post(f"/v1/jobs/{job_id}/feedback", {"kind": "preference", "value": better})
    await worker.answer("Rayleigh.")
    taken = await gateway.post(f"/v1/jobs/{job_id}/feedback", {"kind": "preference", "value": better})

    assert (too_early.status, taken.status) == (400, 201)


async def test_while_the_view_is_rebuilt_nobody_is_told_that_a_job_is_not_completed(
    gateway: RunningGateway, job_id: str
) -> None:
    queued = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    judged = [
        (job_id, {"kind": "preference", "value": "job_unknown"}),
        (job_id, {"kind": "preference", "value": queued}),
        (queued, {"kind": "thumb", "value": "up"}),
    ]
    await gateway.mark_whole(is_whole=False)
    during = [(await gateway.post(f"/v1/jobs/{each}/feedback", body)).status for each, body in judged]
    await gateway.mark_whole()
    after = [(await gateway.post(f"/v1/jobs/{each}/feedback", body)).status for each, body in judged]

    assert during == [503, 503, 503]
    assert after == [400, 400, 409]


async def test_only_completed_jobs_are_judged(gateway: RunningGateway) -> None:
    queued = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    early = await gateway.post(f"/v1/jobs/{queued}/feedback", {"kind": "thumb", "value": "up"})
    await gateway.post(f"/v1/jobs/{queued}/cancel", {})
    late = await gateway.post(f"/v1/jobs/{queued}/feedback", {"kind": "thumb", "value": "up"})

    assert (early.status, late.status) == (409, 409)
    assert early.json["error"]["code"] == "not_completed"
