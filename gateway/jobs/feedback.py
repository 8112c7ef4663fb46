"""POST /v1/jobs/{id}/feedback: somebody judges an answer."""

from typing import Any, cast, get_args

from aiohttp import web

from gateway.http import requests
from gateway.http.objects import as_json, seconds
from gateway.http.problems import bad_value, conflict
from gateway.jobs.finding import find
from gateway.keys import CALLER, CLOCK, FEEDBACK, METRICS, PUBLISHER, SCRIPTS
from infra.telemetry import trace
from producers.answers.feedback import feedback_id
from producers.events import AnswerCompleted, FeedbackGiven, FeedbackKind, KeyIssued
from producers.jobs import record
from producers.jobs.record import JobRecord
from producers.log.topics import FEEDBACK as TOPIC
from producers.prompts import bodies
from producers.prompts.bodies import Strict
from producers.state import view
from producers.state.scripts import Scripts

LONGEST_TEXT, LONGEST_AUTHOR, MOST_TAGS, LONGEST_TAG = 100_000, 128, 16, 64


class AskedFeedback(Strict, frozen=True, kw_only=True):
    """The body: what kind of judgement, and the judgement."""

    kind: str
    value: str | int | float
    comment: str | None = None
    tags: list[str] | None = None
    author: str | None = None


async def give_feedback(request: web.Request) -> web.Response:
    """Take a judgement; the same author and kind again replaces what was said before (200 instead of 201)."""
    app, caller = request.app, request[CALLER]
    job = await find(request)
    if not isinstance(job.ending, AnswerCompleted) or not job.ended:
        await view.must_be_whole(app[SCRIPTS])
        raise conflict(f"Feedback is for completed jobs; this one is {job.status}.", "not_completed")
    asked = bodies.read(AskedFeedback, await requests.read_body(request))
    given = feedback(asked, job, caller, app[CLOCK].now_ms())
    if given.kind == "preference":
        await _must_be_an_answer(app[SCRIPTS], given.tenant, str(given.value))
    traceparent = trace.child_of(request.headers.get("traceparent"))
    written = await app[PUBLISHER].publish(TOPIC, job.job_id, given, traceparent)
    is_new = await app[FEEDBACK].keep(given, written.offset)
    app[METRICS].feedback.labels(given.kind).inc()
    return as_json(feedback_object(given), status=201 if is_new else 200)


def feedback(asked: AskedFeedback, job: JobRecord, caller: KeyIssued, now_ms: float) -> FeedbackGiven:
    """The event that a body stands for. Pure.

    Raises:
        Problem: 400 with the field that is wrong.
    """
    if asked.kind not in get_args(FeedbackKind):
        raise bad_value(f"kind must be one of {', '.join(get_args(FeedbackKind))}.", "kind")
    kind = cast("FeedbackKind", asked.kind)
    author, tags = asked.author or "", tuple(asked.tags or ())
    if len(author) > LONGEST_AUTHOR:
        raise bad_value(f"author may have {LONGEST_AUTHOR} characters.", "author")
    if len(tags) > MOST_TAGS or any(not 0 < len(tag) <= LONGEST_TAG for tag in tags):
        raise bad_value(f"tags: {MOST_TAGS} at most, each of 1 to {LONGEST_TAG} characters.", "tags")
    if asked.comment is not None and len(asked.comment) > LONGEST_TEXT:
        raise bad_value(f"comment may have {LONGEST_TEXT} characters.", "comment")
    if kind == "preference" and asked.value == job.job_id:
        raise bad_value("value of a preference must be another job than the one that is judged.", "value")
    return FeedbackGiven(
        feedback_id=feedback_id(job.job_id, author, kind),
        job_id=job.job_id,
        tenant=caller.tenant,
        key_id=caller.id,
        kind=kind,
        value=_value(kind, asked.value),
        comment=asked.comment,
        tags=tags,
        author=author,
        at_ms=now_ms,
    )


def feedback_object(given: FeedbackGiven) -> dict[str, Any]:
    """A feedback as clients see it."""
    return {
        "id": given.feedback_id,
        "object": "feedback",
        "job_id": given.job_id,
        "kind": given.kind,
        "value": given.value,
        "comment": given.comment,
        "tags": given.tags,
        "author": given.author,
        "created_at": seconds(given.at_ms),
    }


def _value(kind: FeedbackKind, value: str | float) -> str | float:
    match kind:
        case "thumb":
            if value not in {"up", "down"}:
                raise bad_value('value of a thumb must be "up" or "down".', "value")
        case "score":
            if isinstance(value, str) or not 0 <= value <= 1:
                raise bad_value("value of a score must be a number from 0 to 1.", "value")
            return float(value)
        case "comment" | "correction" | "preference":
            if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
                raise bad_value(f"value of a {kind} must be a text of 1 to {LONGEST_TEXT} characters.", "value")
    return value


async def _must_be_an_answer(scripts: Scripts, tenant: str, job_id: str) -> None:
    preferred = await record.read(scripts, job_id)
    if preferred is None or preferred.prompt.tenant != tenant or preferred.state != "completed":
        await view.must_be_whole(scripts)
        raise bad_value("value of a preference must be the id of a completed job of yours.", "value")
