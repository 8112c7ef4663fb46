"""The job as a resource: submit, read, cancel."""

import asyncio
import hashlib
from dataclasses import replace

import msgspec
from aiohttp import web

from gateway import admission, headers, prompts, submission
from gateway.job_object import POLL_AFTER_S, job_object
from gateway.keys import CALLER, CLOCK, INTAKE, LIVE, METRICS, PUBLISHER, RETENTION, SCRIPTS, SETTLING
from gateway.live import Reader
from gateway.problems import not_found, unavailable
from gateway.submission import Known
from producers.events import AnswerCancelled, AnswerCompleted, PromptSubmitted
from producers.jobs import record, view
from producers.jobs.record import JobRecord
from producers.topics import ANSWERS


async def submit_job(request: web.Request) -> web.Response:
    """POST /v1/jobs: take a prompt, and say where its answer will be once the log holds it."""
    prompt, _ = await submission.read_prompt(request, prompts.JOBS)
    return await submit(request, prompt)


async def submit(request: web.Request, prompt: PromptSubmitted) -> web.Response:
    """Make a job of a prompt: 202, or 200 where it ended while the client was willing to wait.

    Raises:
        Problem: it cannot be taken.
        Unavailable: the broker or Redis did not answer.
    """
    app = request.app
    wait_s = headers.wait_s(request.headers)
    admitted = await submission.admit(request, prompt)
    if isinstance(admitted, Known):
        return await _replay(app, admitted)
    if admitted.answer is not None:
        await submission.publish_answer(app, admitted.answer)
        return accepted(app, answered(admitted.answer))
    await submission.enqueue(app, admitted.prompt)
    if wait_s and (ended := await _awaited(app, prompt.job_id, wait_s)):
        return whole(app, ended, 200, {"Preference-Applied": f"wait={wait_s}"})
    return accepted(app, queued(admitted.prompt))


async def read_job(request: web.Request) -> web.Response:
    """GET /v1/jobs/{id}: the job as it stands."""
    found = await find_job(request)
    response = whole(request.app, found, 200, {} if found.ended else {"Retry-After": str(POLL_AFTER_S)})
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
    found = await find_job(request)
    after = found if found.ended else await cancel(request.app, found)
    return whole(request.app, after, 200 if after.ended else 202)


async def cancel(app: web.Application, job: JobRecord) -> JobRecord:
    """End a job that has not started, or ask the worker that runs it to stop; the job as it then stands.

    Raises:
        Unavailable: the broker or Redis did not answer.
    """
    times = {step: at_ms for step, at_ms in job.times.items() if step in {"received", "accepted", "acknowledged"}}
    timeline = {**times, "finished": app[CLOCK].now_ms()}
    ending = AnswerCancelled(job_id=job.job_id, prompt=job.prompt, ran=False, timeline=timeline)
    stopped = await app[INTAKE].stop(job.job_id, ending, running_too=True)
    if stopped.found == "finishing":
        written = await app[PUBLISHER].publish(ANSWERS, job.job_id, ending, job.prompt.traceparent)
        await app[SETTLING].settle(ending, written.partition, written.offset, written.timestamp_ms)
        app[METRICS].jobs.labels("aborted").inc()
    if stopped.found == "running":
        return replace(job, state="running", cancelling=True)
    return await record.read(app[SCRIPTS], job.job_id) or job


async def find_job(request: web.Request) -> JobRecord:
    """The job that the URL names, if it is the caller's.

    Raises:
        Problem: 404 where there is none, 503 where we cannot know yet.
        Unavailable: Redis does not answer.
    """
    job_id = request.match_info["job_id"]
    found = await record.read(request.app[SCRIPTS], job_id)
    if found is None and not await view.is_whole(request.app[SCRIPTS]):
        raise admission.rebuilding()
    if found is None or found.prompt.tenant != request[CALLER].tenant:
        raise not_found(f"There is no job {job_id[:100]!r}.")
    return found


def queued(prompt: PromptSubmitted) -> JobRecord:
    """The record of a job whose prompt the log has just taken."""
    times = {"received": prompt.received_ms}
    return JobRecord(prompt.job_id, "queued", prompt, None, attempt=0, cancelling=False, times=times)


def answered(answer: AnswerCompleted) -> JobRecord:
    """The record of a job that the cache has just answered."""
    return JobRecord(
        answer.job_id, "completed", answer.prompt, answer, attempt=0, cancelling=False, times=answer.timeline
    )


def accepted(app: web.Application, job: JobRecord, more: dict[str, str] | None = None) -> web.Response:
    """202: the log holds the job."""
    location = {"Location": f"/v1/jobs/{job.job_id}", "Retry-After": str(POLL_AFTER_S)}
    return whole(app, job, 202, {**(more or {}), **location})


def whole(app: web.Application, job: JobRecord, status: int, more: dict[str, str] | None = None) -> web.Response:
    """The job object as a response."""
    body = msgspec.json.encode(job_object(job, app[RETENTION]))
    return web.Response(status=status, body=body, content_type="application/json", headers=more)


async def until_ended(app: web.Application, reader: Reader, within_s: float) -> JobRecord | None:
    """The job once its end is visible; None if that takes longer than `within_s`.

    Raises:
        Unavailable: Redis does not answer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while (left_s := deadline - loop.time()) > 0:
        entries = await reader.more(min(left_s, 15.0))
        if not entries or entries[-1].kind == "done":
            found = await record.read(app[SCRIPTS], reader.job_id)
            if found is not None and found.ended:
                return found
    return None


async def resubmit(app: web.Application, known: Known) -> JobRecord:
    """The job of a repeated request; its prompt is sent again where the log may lack it (twice is harmless).

    Raises:
        Unavailable: the broker or Redis did not answer.
        Problem: 503, the job was given up meanwhile.
    """
    job = await record.read(app[SCRIPTS], known.job_id)
    if job is None:
        raise unavailable("The job of this Idempotency-Key cannot be read just now.")
    if job.state == "accepting":
        await submission.enqueue(app, job.prompt)
    if job.state == "aborted" and job.ending is None:
        raise submission.given_up()
    return job


async def _replay(app: web.Application, known: Known) -> web.Response:
    job = await resubmit(app, known)
    return accepted(app, job, {"Idempotent-Replayed": "true"})


async def _awaited(app: web.Application, job_id: str, wait_s: int) -> JobRecord | None:
    async with app[LIVE].reading(job_id) as reader:
        return await until_ended(app, reader, wait_s)
