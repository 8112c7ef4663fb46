"""The job as a resource: submit, read, cancel."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress

import msgspec
from aiohttp import web

from gateway import entrance, headers
from gateway.job_desk import JobDesk
from gateway.job_object import POLL_AFTER_S, job_object
from gateway.keys import CALLER, JOB_DESK, LIVE, RETENTION, SUBMISSIONS
from gateway.live import Live
from gateway.submission import Admitted, CacheHit
from infra.errors import Unavailable
from producers.events import PromptSubmitted
from producers.jobs.intake import Again
from producers.jobs.record import JobRecord, Retention
from producers.prompts import reading


async def submit_job(request: web.Request) -> web.Response:
    """POST /v1/jobs: take a prompt, and say where its answer will be once the log holds it."""
    prompt, _ = await entrance.read_prompt(request, reading.JOBS)
    return await submit(request, prompt)


async def submit(request: web.Request, prompt: PromptSubmitted) -> web.Response:
    """Make a job of a prompt: 202, or 200 where it ended while the client was willing to wait.

    Raises:
        Problem: it cannot be taken.
        Unavailable: the broker or Redis did not answer.
    """
    submissions, desk, retention = request.app[SUBMISSIONS], request.app[JOB_DESK], request.app[RETENTION]
    wait_s = headers.wait_s(request.headers)
    match await entrance.enter(request, prompt):
        case Again(job_id=job_id):
            return accepted(await submissions.again(job_id), retention, {"Idempotent-Replayed": "true"})
        case CacheHit(answer=answer):
            return accepted(await desk.end(answer), retention)
        case Admitted(prompt=prompt):
            await submissions.enqueue(prompt)
    if wait_s and (ended := await _awaited(desk, request.app[LIVE], prompt.job_id, wait_s)):
        return whole(ended, retention, 200, {"Preference-Applied": f"wait={wait_s}"})
    return accepted(queued(prompt), retention)


async def read_job(request: web.Request) -> web.Response:
    """GET /v1/jobs/{id}: the job as it stands."""
    found = await request.app[JOB_DESK].find(request.match_info["job_id"], request[CALLER].tenant)
    poll = {} if found.ended else {"Retry-After": str(POLL_AFTER_S)}
    response = whole(found, request.app[RETENTION], 200, poll)
    body = response.body
    assert isinstance(body, bytes)  # noqa: S101 # we made it so
    etag = hashlib.sha256(body).hexdigest()[:20]
    response.etag = etag
    seen = request.if_none_match or ()
    if any(each.value in {etag, "*"} for each in seen):
        return web.Response(status=304, headers={"ETag": f'"{etag}"'})
    return response


async def cancel_job(request: web.Request) -> web.Response:
    """POST /v1/jobs/{id}/cancel: the answer is no longer wanted."""
    desk = request.app[JOB_DESK]
    found = await desk.find(request.match_info["job_id"], request[CALLER].tenant)
    await request.read()  # it says nothing, and is no longer than any other may be
    after = found if found.ended else await desk.cancel(found)
    return whole(after, request.app[RETENTION], 200 if after.ended else 202)


def queued(prompt: PromptSubmitted) -> JobRecord:
    """The record of a job whose prompt the log has just taken."""
    times = {"received": prompt.received_ms}
    return JobRecord(prompt.job_id, "queued", prompt, None, attempt=0, cancelling=False, times=times)


def accepted(job: JobRecord, retention: Retention, more: Mapping[str, str] | None = None) -> web.Response:
    """202: the log holds the job."""
    location = {"Location": f"/v1/jobs/{job.job_id}", "Retry-After": str(POLL_AFTER_S)}
    return whole(job, retention, 202, {**(more or {}), **location})


def whole(job: JobRecord, retention: Retention, status: int, more: Mapping[str, str] | None = None) -> web.Response:
    """The job object as a response."""
    body = msgspec.json.encode(job_object(job, retention))
    return web.Response(status=status, body=body, content_type="application/json", headers=more)


async def _awaited(desk: JobDesk, live: Live, job_id: str, wait_s: int) -> JobRecord | None:
    """The job once it has ended; None where that takes longer, or cannot be seen: it is in the log all the same."""
    with suppress(Unavailable):
        async with live.reading(job_id) as reader:
            return await desk.until_ended(reader, wait_s)
    return None
