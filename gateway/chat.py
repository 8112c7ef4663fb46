"""POST /v1/chat/completions: a prompt through the log like any other, and the client waits for its answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from gateway import entrance, headers, jobs, problems
from gateway.background import Background
from gateway.chat_stream import ChatStream
from gateway.job_desk import JobDesk
from gateway.job_object import completion, error_of
from gateway.keys import BACKGROUND, JOB_DESK, LIVE, SETTINGS, STOPPING, SUBMISSIONS
from gateway.live import Stopping
from gateway.problems import Problem, conflict, of_job, unavailable
from gateway.submission import Admitted, CacheHit
from producers.events import AnswerCompleted, PromptSubmitted, Terminal
from producers.jobs.intake import Again
from producers.prompts import reading
from producers.prompts.reading import Wish


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer a prompt, whole or as a stream; who hangs up no longer wants the answer."""
    prompt, wish = await entrance.read_prompt(request, reading.CHAT)
    if "respond-async" in headers.preferences(request.headers):
        return await jobs.submit(request, prompt)
    match await entrance.enter(request, prompt):
        case Again(job_id=job_id):
            return await _again(request, job_id, wish)
        case CacheHit(answer=answer):
            request.app[BACKGROUND].start("publish an answer from the cache", request.app[JOB_DESK].end(answer))
            return await _told(request, answer, wish)
        case Admitted(prompt=prompt):
            return await _through_the_log(request, prompt, wish)


async def _through_the_log(request: web.Request, prompt: PromptSubmitted, wish: Wish) -> web.StreamResponse:
    app = request.app
    desk, settings = app[JOB_DESK], app[SETTINGS]
    staying = _unless_hung_up(prompt, desk, app[BACKGROUND], app[STOPPING])
    async with staying, app[LIVE].reading(prompt.job_id, fresh=True) as reader:
        await app[SUBMISSIONS].enqueue(prompt)
        reader.begun()
        try:
            if wish.stream:
                return await ChatStream(request, prompt, wish).follow(reader, desk, settings.ping_every_s)
            job = await desk.until_ended(reader, settings.chat_timeout_s)
        except Stopping as error:
            problem = problems.of(error)
            problem.headers["x-job-id"] = prompt.job_id
            raise problem from None
    if job is None:
        app[BACKGROUND].start("cancel a job nobody waits for", desk.cancel_unwanted(prompt.job_id))
        message = f"The answer took longer than {settings.chat_timeout_s:g} s; submit a job instead."
        raise Problem(504, message, type="server_error", code="timeout", headers={"x-should-retry": "false"})
    return _whole(job.ending)


@asynccontextmanager
async def _unless_hung_up(
    prompt: PromptSubmitted, desk: JobDesk, background: Background, stopping: asyncio.Event
) -> AsyncIterator[None]:
    """Cancel the job when its client goes away.

    Not when we are the ones who go, and not under an idempotency key: then the client comes back for the answer.
    """
    try:
        yield
    except (asyncio.CancelledError, ConnectionError):
        if not stopping.is_set() and prompt.idempotency_key is None:
            background.start("cancel the job of a client that hung up", desk.cancel_unwanted(prompt.job_id))
        raise


async def _again(request: web.Request, job_id: str, wish: Wish) -> web.StreamResponse:
    """The stored answer of a repeated request, errors included; 409 while there is none."""
    job = await request.app[SUBMISSIONS].again(job_id)
    if not job.ended:
        raise conflict("The first request with this Idempotency-Key is still being answered.", "still_running")
    more = {"Idempotent-Replayed": "true"}
    try:
        return await _told(request, job.ending, wish, more)
    except Problem as problem:
        problem.headers |= more
        raise


async def _told(
    request: web.Request, ending: Terminal | None, wish: Wish, more: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """An answer that is there already, in the form the client wants."""
    if wish.stream and isinstance(ending, AnswerCompleted):
        return await ChatStream(request, ending.prompt, wish, more).tell(ending)
    return _whole(ending, more)


def _whole(ending: Terminal | None, more: Mapping[str, str] | None = None) -> web.Response:
    if not isinstance(ending, AnswerCompleted):
        error = error_of(ending)
        raise of_job(error) if error else unavailable("The prompt did not reach the log in time; try again.")
    body = msgspec.json.encode(completion(ending))
    return web.Response(body=body, content_type="application/json", headers={**(more or {}), "x-job-id": ending.job_id})
