"""Responses (conventions §4 and §5): a prompt through the log like any other, answered now or in the background."""

from aiohttp import web

from gateway.http import headers, including
from gateway.http.objects import as_json, list_of
from gateway.http.paging import page, page_asked
from gateway.http.problems import Problem, bad_value, conflict, must_be_there, not_found
from gateway.jobs import forgetting
from gateway.jobs.objects import no_answer
from gateway.keys import BACKGROUND, CALLER, INTAKE, SCRIPTS, SETTINGS
from gateway.prompts import entrance, waiting
from gateway.prompts.job_desk import JOB_DESK, JobDesk
from gateway.prompts.submission import SUBMISSIONS, Admitted, CacheHit
from gateway.readers.following import FOLLOWING
from gateway.readers.leases import READER_LEASES
from gateway.readers.live import LIVE
from gateway.repeats.making import MAKING
from gateway.responses.objects import input_items, job_of, response_id, response_object
from gateway.responses.stream import ResponseTale
from producers.events import AnswerCompleted, PromptSubmitted
from producers.jobs.intake import NO_LIMITS, Again
from producers.jobs.record import JobRecord, ended_by
from producers.prompts import responses
from producers.prompts.responses import ResponseWish

CANCEL_PATIENCE_S = 5.0
"""How long a cancel waits for the worker to stop, so that what it answers is the end."""


async def create(request: web.Request) -> web.StreamResponse:
    """POST /v1/responses."""
    prompt, wish = await entrance.read_response(request)
    try:
        prompt = await _continued(request, prompt)
    except Problem:
        # What it went on from may be gone since the first request under its key.
        if (job_id := await _asked_before(request, prompt)) is None:
            raise
        return await _again(request, job_id, wish)
    gives_up = not (wish.background or prompt.idempotency_key)
    unread_ms = request.app[READER_LEASES].lease_ms if gives_up else 0
    match await entrance.enter(request, prompt, unread_ms, at_once=not wish.background):
        case Again(job_id=job_id):
            return await _again(request, job_id, wish)
        case CacheHit(answer=answer):
            publishing = request.app[JOB_DESK].end(answer)
            if wish.background:
                return await _told(request, await publishing, wish)
            request.app[BACKGROUND].start_together("publish an answer from the cache", publishing)
            return await _told(request, ended_by(answer), wish)
        case Admitted(prompt=prompt):
            return await _through_the_log(request, prompt, wish)


async def show(request: web.Request) -> web.StreamResponse:
    """GET /v1/responses/{id}: as it stands, or as a stream of what follows `starting_after`.

    Whoever asks while it is made is a reader: the job is not given up.
    """
    including.must_be_known(request.query)
    is_streamed, after = headers.flag(request.query, "stream"), _starting_after(request)
    job = await _find(request)
    await request.app[READER_LEASES].asked_for(job)
    return await _streamed(request, job, after) if is_streamed else as_json(response_object(job))


async def _streamed(request: web.Request, job: JobRecord, after: int = -1) -> web.StreamResponse:
    """What follows the event of that number, whether the response was read before or is still made."""
    tale = ResponseTale(request.app[SCRIPTS], job.prompt, after)
    return await request.app[FOLLOWING].take_up(waiting.stream_of(request, job.job_id), tale, job)


async def cancel(request: web.Request) -> web.Response:
    """POST /v1/responses/{id}/cancel: its end, whether this call or something before it brought it."""
    job = await _find(request)
    await request.read()  # it says nothing, and is no longer than any other may be
    return as_json(response_object(await _cancelled(request, job)))


async def delete(request: web.Request) -> web.Response:
    """DELETE /v1/responses/{id}: forget it; one that still runs is cancelled first."""
    job = await _find(request)
    if not (await _cancelled(request, job)).ended:
        raise conflict("The response is still being cancelled; try again in a moment.", "still_running")
    await forgetting.forget(request, job)
    return as_json({"id": response_id(job.job_id), "object": "response", "deleted": True})


async def list_input_items(request: web.Request) -> web.Response:
    """GET /v1/responses/{id}/input_items."""
    including.must_be_known(request.query)
    asked, job = page_asked(request.query), await _find(request)
    items = {item["id"]: item for item in input_items(job.prompt)}
    chosen, has_more = page(list(items)[::-1] if asked.newest_first else list(items), asked)
    return as_json(list_of([items[each] for each in chosen], has_more=has_more))


async def _through_the_log(request: web.Request, prompt: PromptSubmitted, wish: ResponseWish) -> web.StreamResponse:
    if wish.stream:
        tale = ResponseTale(request.app[SCRIPTS], prompt)
        return await waiting.with_a_stream(request, prompt, tale, goes_on=wish.background)
    if not wish.background:
        job = await waiting.for_the_end(request, prompt, "ask for it with background: true")
        return await _told(request, job, wish)
    job = must_be_there(await request.app[SUBMISSIONS].enqueue(prompt))
    return as_json(response_object(job), headers={"x-job-id": job.job_id})


async def _asked_before(request: web.Request, prompt: PromptSubmitted) -> str | None:
    """The job of the same request under the same Idempotency-Key."""
    if prompt.idempotency_key is None:
        return None
    found = await request.app[INTAKE].ask(prompt, NO_LIMITS)
    return found.job_id if isinstance(found, Again) else None


async def _again(request: web.Request, job_id: str, wish: ResponseWish) -> web.StreamResponse:
    """What the first request with this key was told, or would be now; 409 while it still waits for its answer."""
    job = must_be_there(await request.app[SUBMISSIONS].again(job_id))
    if not job.ended and not wish.background:
        raise waiting.still_running(job)
    request[MAKING].is_told_again = True
    return await (_streamed(request, job) if wish.stream else _told(request, job, wish))


async def _told(request: web.Request, job: JobRecord, wish: ResponseWish) -> web.StreamResponse:
    """A response that is there already; without an answer it is an error for who waited, not for who asks later."""
    if wish.stream and job.ended:
        stream, tale = waiting.stream_of(request, job.job_id), ResponseTale(request.app[SCRIPTS], job.prompt)
        return await request.app[FOLLOWING].tell(stream, tale, job)
    if not (wish.background or isinstance(job.ending, AnswerCompleted)):
        raise no_answer(job.ending)
    return as_json(response_object(job), headers={"x-job-id": job.job_id})


async def _cancelled(request: web.Request, job: JobRecord) -> JobRecord:
    """The job at its end, or as it stands where its worker takes long to stop."""
    if job.ended:
        return job
    app = request.app
    async with app[LIVE].waiting(job.job_id) as waiter:
        after = await app[JOB_DESK].cancel(job)
        return after if after.ended else await app[FOLLOWING].until_ended(waiter, CANCEL_PATIENCE_S) or after


async def _continued(request: web.Request, prompt: PromptSubmitted) -> PromptSubmitted:
    """The prompt behind the response that it goes on from."""
    previous = prompt.response.previous if prompt.response else None
    if previous is None:
        return prompt
    where = "previous_response_id"
    job = await _known(request.app[JOB_DESK], previous, request[CALLER].tenant)
    if job is None:
        raise not_found(f"There is no response {previous[:100]!r}.", param=where, code="previous_response_not_found")
    if not (job.ended and isinstance(job.ending, AnswerCompleted)):
        raise bad_value(f"{where}: that response has no answer{'' if job.ended else ' yet'}.", where)
    return responses.continued(prompt, job.ending, request.app[SETTINGS])


async def _find(request: web.Request) -> JobRecord:
    response = request.match_info["response_id"]
    job = await _known(request.app[JOB_DESK], response, request[CALLER].tenant)
    if job is None:
        raise not_found(f"There is no response {response[:100]!r}.")
    return job


async def _known(desk: JobDesk, response: str, tenant: str) -> JobRecord | None:
    """The job of a response that was to be kept."""
    if not response.startswith("resp_"):
        return None
    found = await desk.find(job_of(response), tenant)
    if not isinstance(found, JobRecord) or found.prompt.response is None or not found.prompt.response.store:
        return None
    return found


def _starting_after(request: web.Request) -> int:
    """The number of the last event that the reader got, by OpenAI's parameter or by the header of an EventSource."""
    given = request.query.get("starting_after")
    if given is None:
        seen = headers.last_event_id(request.headers) if "Last-Event-ID" in request.headers else -1
        return -1 if seen is None else seen
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise bad_value("starting_after must be the number of an event.", "starting_after")
    return int(given)
