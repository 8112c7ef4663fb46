"""POST /v1/chat/completions: a prompt through the log like any other, and the client waits for its answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from gateway import headers, jobs, prompts, submission
from gateway.chat_stream import ChatStream
from gateway.job_object import completion, error_of
from gateway.keys import BACKGROUND, LIVE, SCRIPTS, SETTINGS, STOPPING
from gateway.problems import Problem, conflict, of_job, unavailable
from gateway.prompts import Wish
from gateway.submission import Admitted, Known
from producers.events import AnswerCompleted, PromptSubmitted, Terminal
from producers.jobs import record


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer a prompt, whole or as a stream; who hangs up no longer wants the answer."""
    app = request.app
    prompt, wish = await submission.read_prompt(request, prompts.CHAT)
    if "respond-async" in headers.preferences(request.headers):
        return await jobs.submit(request, prompt)
    match await submission.admit(request, prompt):
        case Known() as known:
            return await _again(request, known, wish)
        case Admitted(answer=AnswerCompleted() as answer):
            app[BACKGROUND].start("publish an answer from the cache", submission.publish_answer(app, answer))
            return await _told(request, answer, wish)
        case Admitted(prompt=prompt):
            return await _through_the_log(request, prompt, wish)


async def _through_the_log(request: web.Request, prompt: PromptSubmitted, wish: Wish) -> web.StreamResponse:
    app = request.app
    async with _unless_hung_up(app, prompt), app[LIVE].reading(prompt.job_id, fresh=True) as reader:
        await submission.enqueue(app, prompt)
        reader.begun()
        if wish.stream:
            return await ChatStream(request, prompt, wish).follow(reader)
        job = await jobs.until_ended(app, reader, app[SETTINGS].chat_timeout_s)
    if job is None:
        app[BACKGROUND].start("cancel a job nobody waits for", _cancel(app, prompt))
        message = f"The answer took longer than {app[SETTINGS].chat_timeout_s:g} s; submit a job instead."
        raise Problem(504, message, type="server_error", code="timeout", headers={"x-should-retry": "false"})
    return _whole(job.ending)


@asynccontextmanager
async def _unless_hung_up(app: web.Application, prompt: PromptSubmitted) -> AsyncIterator[None]:
    """Cancel the job when its client goes away.

    Not when we are the ones who go, and not under an idempotency key: then the client comes back for the answer.
    """
    try:
        yield
    except (asyncio.CancelledError, ConnectionError):
        if not app[STOPPING].is_set() and prompt.idempotency_key is None:
            app[BACKGROUND].start("cancel the job of a client that hung up", _cancel(app, prompt))
        raise


async def _cancel(app: web.Application, prompt: PromptSubmitted) -> None:
    job = await record.read(app[SCRIPTS], prompt.job_id)
    if job is not None and not job.ended:
        await jobs.cancel(app, job)


async def _again(request: web.Request, known: Known, wish: Wish) -> web.StreamResponse:
    """The stored answer of a repeated request, errors included; 409 while there is none."""
    job = await jobs.resubmit(request.app, known)
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
