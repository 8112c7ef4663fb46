"""A prompt through the log while its client waits: for the whole answer, or for a stream of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TypeVar

from aiohttp import web

from gateway.http import problems
from gateway.http.problems import Problem, Stopping, conflict, must_be_there
from gateway.keys import BACKGROUND, SETTINGS, STOPPING
from gateway.prompts.job_desk import JOB_DESK
from gateway.prompts.submission import SUBMISSIONS
from gateway.readers.event_stream import EventStream
from gateway.readers.following import FOLLOWING
from gateway.readers.listeners import Listener
from gateway.readers.live import LIVE
from gateway.readers.tale import Tale
from infra.errors import Unavailable
from producers.events import PromptSubmitted
from producers.jobs.record import JobRecord

_UNHEARD_AGAIN_S = 5.0

Joined = TypeVar("Joined", bound=Listener)


async def for_the_end(
    request: web.Request, prompt: PromptSubmitted, instead: str, *, ending_only: bool = False
) -> JobRecord:
    """The job once it has ended; `instead` is what a client does who cannot wait as long as that takes.

    Of an `ending_only` job nothing but the ending is sure to be told.

    Raises:
        Problem: 504, it took too long; 503, no worker took it in that time, or this gateway stops. Without an
            idempotency key the job is cancelled then: no other call can come back for its answer.
        Unavailable: the broker or Redis did not answer; `OutOfSight` once the log holds the prompt.
    """
    app, timeout_s = request.app, request.app[SETTINGS].chat_timeout_s
    async with _heard_by(request, prompt, app[LIVE].waiting(prompt.job_id, fresh=True)) as waiter:
        job = await app[FOLLOWING].until_ended(waiter, timeout_s, ending_only=ending_only)
    if job is None:
        with _held(prompt):
            job = must_be_there(await app[JOB_DESK].find(prompt.job_id, prompt.tenant))
    if not job.ended:
        if not prompt.idempotency_key:
            app[BACKGROUND].start("cancel a job nobody waits for", app[JOB_DESK].cancel_unwanted(prompt.job_id))
        if job.status == "queued":
            message = f"The prompt waited {timeout_s:g} s and did not reach the model; try again, or {instead}."
            raise problems.unavailable(message, _UNHEARD_AGAIN_S)
        message = f"The answer took longer than {timeout_s:g} s; {instead}."
        raise Problem(504, message, type="server_error", code="timeout", headers={"x-should-retry": "false"})
    return job


async def with_a_stream(
    request: web.Request, prompt: PromptSubmitted, tale: Tale, *, goes_on: bool = False
) -> web.StreamResponse:
    """The tale to its end; the job `goes_on` without its reader if it is one for the background.

    Raises:
        Problem: there is no answer, and nothing was told yet; or this gateway stops.
        Unavailable: the broker or Redis did not answer; `OutOfSight` once the log holds the prompt.
    """
    reading, stream = request.app[LIVE].reading(prompt.job_id, fresh=True), stream_of(request, prompt.job_id)
    async with _heard_by(request, prompt, reading, stream, goes_on=goes_on) as reader:
        return await request.app[FOLLOWING].follow(stream, tale, reader)


def stream_of(request: web.Request, job_id: str) -> EventStream:
    """The response that streams a call's answer, and names its job."""
    return EventStream(request, {"x-job-id": job_id})


def stopping(error: Stopping, job_id: str, *, may_repeat: bool = True) -> Problem:
    """This gateway ends before the answer is there: what its client may ask for at another.

    It may repeat what it asked, unless that would be a second job beside one that goes on without a reader.
    """
    problem = problems.of(error)
    problem.headers |= {"x-job-id": job_id, "x-should-retry": "true" if may_repeat else "false"}
    return problem


def still_running(job: JobRecord) -> Problem:
    """The first request under this Idempotency-Key has no answer yet: which job to wait for."""
    problem = conflict("The first request with this Idempotency-Key is still being answered.", "still_running")
    problem.headers |= {"Retry-After": "1", "x-job-id": job.job_id}
    return problem


@asynccontextmanager
async def _heard_by(
    request: web.Request,
    prompt: PromptSubmitted,
    joining: AbstractAsyncContextManager[Joined],
    stream: EventStream | None = None,
    *,
    goes_on: bool = False,
) -> AsyncIterator[Joined]:
    """Somebody who hears of the prompt's job, which is in the log from here on.

    Who goes away and was told nothing yet knows no id to come back with: the job is cancelled at once. Who has the
    beginning of a stream may come back for the rest, until the job's time without a reader is over. When we are the
    ones who go, that time runs too.
    """
    app = request.app
    try:
        async with joining as joined:
            must_be_there(await app[SUBMISSIONS].enqueue(prompt))
            joined.begun()
            with _held(prompt):
                yield joined
    except Stopping as error:
        may_repeat = prompt.idempotency_key is not None or not goes_on
        raise stopping(error, prompt.job_id, may_repeat=may_repeat) from None
    except (asyncio.CancelledError, ConnectionError):
        may_come_back = goes_on or (stream is not None and stream.begun and app[SETTINGS].reader_grace_s > 0)
        if not (may_come_back or app[STOPPING].is_set() or prompt.idempotency_key):
            cancelling = app[JOB_DESK].cancel_unwanted(prompt.job_id)
            app[BACKGROUND].start("cancel the job of a client that hung up", cancelling)
        raise


@contextmanager
def _held(prompt: PromptSubmitted) -> Iterator[None]:
    """What is away while the log holds the prompt."""
    try:
        yield
    except Unavailable as error:
        raise problems.once_held(error, prompt) from None
