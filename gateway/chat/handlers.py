"""POST /v1/chat/completions: a prompt through the log like any other, and the client waits for its answer."""

import msgspec
from aiohttp import web

from gateway.chat.stream import ChatTale
from gateway.http import headers
from gateway.http.objects import as_json
from gateway.http.problems import must_be_there
from gateway.jobs import handlers as jobs
from gateway.jobs.objects import completion, no_answer
from gateway.keys import BACKGROUND, SETTINGS
from gateway.prompts import entrance, waiting
from gateway.prompts.job_desk import JOB_DESK
from gateway.prompts.submission import SUBMISSIONS, Admitted, CacheHit
from gateway.readers.following import FOLLOWING
from gateway.readers.leases import READER_LEASES
from gateway.repeats.making import MAKING
from producers.events import AnswerCompleted, PromptSubmitted, Terminal
from producers.jobs.intake import Again
from producers.jobs.record import JobRecord, ended_by
from producers.prompts import reading
from producers.prompts.reading import Wish


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer a prompt, whole or as a stream; an answer that nobody reads any more is given up.

    Not so under an idempotency key: then the client comes back for it.
    """
    prompt, wish = await entrance.read_prompt(request, reading.CHAT)
    if "respond-async" in headers.preferences(request.headers):
        response = await jobs.submit(request, msgspec.structs.replace(prompt, as_job=True))
        response.headers.add("Preference-Applied", "respond-async")
        return response
    unread_ms = 0 if prompt.idempotency_key else request.app[READER_LEASES].lease_ms
    match await entrance.enter(request, prompt, unread_ms, at_once=True):
        case Again(job_id=job_id):
            return await _again(request, job_id, wish)
        case CacheHit(answer=answer):
            request.app[BACKGROUND].start_together(
                "publish an answer from the cache", request.app[JOB_DESK].end(answer)
            )
            return await _told(request, ended_by(answer), wish)
        case Admitted(prompt=prompt):
            return await _through_the_log(request, prompt, wish)


async def _through_the_log(request: web.Request, prompt: PromptSubmitted, wish: Wish) -> web.StreamResponse:
    if wish.stream:
        tale = ChatTale(prompt, wish, request.app[SETTINGS].opening_s)
        return await waiting.with_a_stream(request, prompt, tale)
    job = await waiting.for_the_end(request, prompt, "submit a job instead", ending_only=True)
    return whole(job.ending)


async def _again(request: web.Request, job_id: str, wish: Wish) -> web.StreamResponse:
    """The stored answer of a repeated request, errors included; 409 while there is none."""
    job = must_be_there(await request.app[SUBMISSIONS].again(job_id))
    if not job.ended:
        raise waiting.still_running(job)
    request[MAKING].is_told_again = True
    return await _told(request, job, wish)


async def _told(request: web.Request, job: JobRecord, wish: Wish) -> web.StreamResponse:
    """An answer that is there already, in the form the client wants."""
    if wish.stream and isinstance(job.ending, AnswerCompleted):
        stream, tale = waiting.stream_of(request, job.job_id), ChatTale(job.prompt, wish)
        return await request.app[FOLLOWING].tell(stream, tale, job)
    return whole(job.ending)


def whole(ending: Terminal | None) -> web.Response:
    """The answer as a chat completion.

    Raises:
        Problem: there is none.
    """
    answer = answer_of(ending)
    return as_json(completion(answer), headers={"x-job-id": answer.job_id})


def answer_of(ending: Terminal | None) -> AnswerCompleted:
    """The answer that a job ended with.

    Raises:
        Problem: there is none.
    """
    if not isinstance(ending, AnswerCompleted):
        raise no_answer(ending)
    return ending
