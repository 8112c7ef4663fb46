"""/v1/chat/completions/{id}: an answer read again, or its stream taken up on whichever gateway."""

from typing import Any

from aiohttp import web

from gateway.chat import handlers as chat
from gateway.chat.stream import ChatTale
from gateway.http import headers
from gateway.http.objects import as_json
from gateway.http.problems import Problem, Stopping, must_be_there, not_found
from gateway.jobs.objects import POLL_AFTER_S, completion, job_of
from gateway.keys import CALLER, SETTINGS
from gateway.no_job import Unknown
from gateway.prompts import waiting
from gateway.prompts.job_desk import JOB_DESK
from gateway.readers.following import FOLLOWING
from gateway.readers.leases import READER_LEASES
from producers.jobs.record import JobRecord
from producers.prompts.reading import Wish


async def read_completion(request: web.Request) -> web.StreamResponse:
    """The stored answer; with `stream=true` everything of its stream after `Last-Event-ID`, then what comes.

    Whoever asks while it is made is a reader: the job is not given up.

    Raises:
        Problem: there is none, or none yet (409).
        Unavailable: Redis does not answer.
    """
    is_streamed = headers.flag(request.query, "stream")
    wish = Wish(stream=is_streamed, include_usage=headers.flag(request.query, "include_usage"))
    job = await find(request)
    await request.app[READER_LEASES].asked_for(job)
    if is_streamed:
        return await _take_up(request, job, wish)
    if not job.ended:
        more = {"Retry-After": str(POLL_AFTER_S), "x-job-id": job.job_id}
        message = "The answer is still being made: ask again, or stream it."
        raise Problem(409, message, code="still_running", headers=more)
    return as_json(stored_object(job), headers={"x-job-id": job.job_id})


def stored_object(job: JobRecord) -> dict[str, Any]:
    """A chat completion as it is read later: with its metadata.

    Raises:
        Problem: the job ended without an answer.
    """
    return completion(chat.answer_of(job.ending)) | {"metadata": job.prompt.metadata}


async def find(request: web.Request) -> JobRecord:
    """The job of the chat completion that the path names.

    Raises:
        Problem: there is none.
        Unavailable: Redis does not answer.
    """
    completion_id = request.match_info["completion_id"]
    job_id = job_of(completion_id)
    found = await request.app[JOB_DESK].find(job_id, request[CALLER].tenant) if job_id else Unknown(completion_id)
    if isinstance(found, Unknown):
        raise not_found(f"There is no chat completion {completion_id[:100]!r}.")
    return must_be_there(found)


async def _take_up(request: web.Request, job: JobRecord, wish: Wish) -> web.StreamResponse:
    """A stream with the rest; with all of it from its beginning, if the id is none that we can go on from."""
    app, after = request.app, headers.last_event_id(request.headers) or 0
    tale = ChatTale(job.prompt, wish, app[SETTINGS].opening_s, after)
    try:
        return await app[FOLLOWING].take_up(waiting.stream_of(request, job.job_id), tale, job, after)
    except Stopping as error:
        raise waiting.stopping(error, job.job_id) from None
