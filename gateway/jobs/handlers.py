"""The job as a resource: submit, read, cancel."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web

from gateway.http import headers
from gateway.http.objects import as_json
from gateway.http.problems import must_be_there
from gateway.jobs.finding import find
from gateway.jobs.objects import POLL_AFTER_S, job_object
from gateway.keys import RETENTION
from gateway.prompts import entrance
from gateway.prompts.job_desk import JOB_DESK
from gateway.prompts.submission import SUBMISSIONS, Admitted, CacheHit
from gateway.readers.following import FOLLOWING
from gateway.readers.leases import READER_LEASES
from gateway.readers.live import LIVE
from gateway.repeats.making import MAKING
from infra.errors import Unavailable
from producers.events import PromptSubmitted
from producers.jobs.intake import Again
from producers.jobs.record import JobRecord
from producers.prompts import reading
from producers.state.retention import Retention


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
    retention, wait_s = request.app[RETENTION], headers.wait_s(request.headers)
    job = await _taken(request, prompt)
    if wait_s and not job.ended:
        job = await _awaited(request, job, wait_s)
    if wait_s and job.ended:
        return whole(job, retention, 200, {"Preference-Applied": f"wait={wait_s}"})
    return accepted(job, retention)


async def _taken(request: web.Request, prompt: PromptSubmitted) -> JobRecord:
    """The job of a prompt, or of the same prompt before."""
    submissions = request.app[SUBMISSIONS]
    match await entrance.enter(request, prompt):
        case Again(job_id=job_id):
            job = must_be_there(await submissions.again(job_id))
            request[MAKING].is_told_again = True
            return job
        case CacheHit(answer=answer):
            return await request.app[JOB_DESK].end(answer)
        case Admitted(prompt=prompt):
            return must_be_there(await submissions.enqueue(prompt))


async def read_job(request: web.Request) -> web.Response:
    """GET /v1/jobs/{id}: the job as it stands."""
    app = request.app
    found = await find(request)
    await app[READER_LEASES].asked_for(found)
    place = await app[JOB_DESK].place_of(found)
    told = job_object(found, app[RETENTION], place)
    etag = etag_of(told)
    headers = {"ETag": f'W/"{etag}"'} | ({} if found.ended else {"Retry-After": str(POLL_AFTER_S)})
    if any(each.value in {etag, "*"} for each in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return as_json(told, headers=headers)


async def cancel_job(request: web.Request) -> web.Response:
    """POST /v1/jobs/{id}/cancel: the answer is no longer wanted."""
    desk = request.app[JOB_DESK]
    found = await find(request)
    await request.read()  # it says nothing, and is no longer than any other may be
    after = found if found.ended else await desk.cancel(found)
    return whole(after, request.app[RETENTION], 200 if after.ended else 202)


def etag_of(told: Mapping[str, Any]) -> str:
    """A mark of the state that an object tells; when it may start is newly estimated each time, and is no state."""
    queue = told["queue"] and {"position": told["queue"]["position"]}
    return hashlib.sha256(msgspec.json.encode({**told, "queue": queue})).hexdigest()[:20]


def accepted(job: JobRecord, retention: Retention) -> web.Response:
    """202: the log holds the job."""
    location = {"Location": f"/v1/jobs/{job.job_id}", "Retry-After": str(POLL_AFTER_S)}
    return whole(job, retention, 202, location)


def whole(job: JobRecord, retention: Retention, status: int, more: Mapping[str, str] | None = None) -> web.Response:
    """The job object as a response."""
    return as_json(job_object(job, retention), status=status, headers=more)


async def _awaited(request: web.Request, job: JobRecord, wait_s: int) -> JobRecord:
    """The job once it has ended, or as it stands by then; as it stood where that cannot be seen: the log has it."""
    app = request.app
    with suppress(Unavailable):
        async with app[LIVE].waiting(job.job_id) as waiter:
            ended = await app[FOLLOWING].until_ended(waiter, wait_s)
        return ended or must_be_there(await app[JOB_DESK].find(job.job_id, job.prompt.tenant))
    return job
