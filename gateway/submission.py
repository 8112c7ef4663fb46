"""Steps 1 to 3 of a job's life: from a prompt to a record that the log holds, or to an answer from the cache."""

import asyncio
import logging
from dataclasses import dataclass

import msgspec
from aiohttp import web

from gateway import admission, headers, prompts
from gateway.keys import CACHE, CALLER, CLOCK, INTAKE, LIMITS, METRICS, PUBLISHER, SETTINGS, SETTLING, WEBHOOKS
from gateway.problems import Problem, not_found, unavailable
from gateway.prompts import Envelope, Route, Wish
from infra.errors import InvalidEvent
from infra.ids import new_id
from infra.telemetry import trace
from producers import answer_cache
from producers.events import AnswerCompleted, PromptSubmitted
from producers.jobs.intake import Accepted, Again, Limited, Refused
from producers.topics import ANSWERS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Admitted:
    """The job is `accepting`; `answer` is one from the cache, if there is one."""

    prompt: PromptSubmitted
    answer: AnswerCompleted | None


@dataclass(frozen=True)
class Known:
    """The same idempotency key came with the same body before: this is its job."""

    job_id: str


async def read_prompt(request: web.Request, route: Route) -> tuple[PromptSubmitted, Wish]:
    """What a request asks, as a prompt with a new job id.

    Raises:
        Problem: the request is not one we can serve.
    """
    clock = request.app[CLOCK]
    envelope = Envelope(
        route=route,
        job_id=new_id("job", clock),
        caller=request[CALLER],
        received_ms=clock.now_ms(),
        traceparent=trace.child_of(request.headers.get("traceparent")),
        idempotency_key=headers.idempotency_key(request.headers),
        cancel_after_s=headers.cancel_after_s(request.headers),
    )
    return prompts.read_prompt(await read_body(request), envelope, request.app[SETTINGS], request.app[WEBHOOKS])


async def read_body(request: web.Request) -> bytes:
    """The body of a request that must be JSON.

    Raises:
        Problem: 415 where it is something else.
    """
    if not headers.is_json(request.content_type, request.charset):
        raise Problem(415, "The body must be JSON: send Content-Type: application/json.", code="unsupported_media_type")
    return await request.read()


async def admit(request: web.Request, prompt: PromptSubmitted) -> Admitted | Known:
    """Step 1, and the look-up in the cache beside it; the request is counted against its key's limits.

    Raises:
        Problem: the key is over its limit, the conversation is unknown, ...
        Unavailable: Redis does not answer.
    """
    app = request.app
    if prompt.cache == "only":
        answer = await _recall(app, prompt)
        if answer is None:
            message = "The cache holds no answer to this prompt, and cache: only forbids to ask the model."
            raise not_found(message, param="cache", code="cache_miss")
        return _entered(request, prompt, await _accept(request, prompt), answer)
    verdict, answer = await asyncio.gather(_accept(request, prompt), _recall(app, prompt))
    if isinstance(verdict, Refused) and verdict.reason == "lane":
        # The conversation is pinned to another lane: its turns stay together, whatever this one asked.
        prompt = msgspec.structs.replace(prompt, lane=verdict.lane)
        verdict = await _accept(request, prompt)
    return _entered(request, prompt, verdict, answer)


async def _accept(request: web.Request, prompt: PromptSubmitted) -> Accepted | Again | Limited | Refused:
    caller = request[CALLER]
    verdict = await request.app[INTAKE].accept(prompt, admission.quota_of(caller))
    request[LIMITS] = admission.limit_headers(admission.writes(caller), verdict.standing)
    return verdict


def _entered(
    request: web.Request,
    prompt: PromptSubmitted,
    verdict: Accepted | Again | Limited | Refused,
    answer: AnswerCompleted | None,
) -> Admitted | Known:
    match verdict:
        case Accepted():
            _count(request.app, prompt, answer)
            return Admitted(prompt, answer)
        case Again(job_id=job_id):
            return Known(job_id)
        case Limited():
            raise admission.too_much(verdict, admission.writes(request[CALLER]))
        case Refused():
            raise admission.not_entered(verdict)


async def enqueue(app: web.Application, prompt: PromptSubmitted) -> None:
    """Steps 2 and 3: the prompt is in the log, and the job knows it, when this returns.

    Raises:
        Unavailable: the broker or Redis did not answer; the same idempotency key will give the same job.
        Problem: 503, the job was given up before the log held it; the same idempotency key will give a new one.
    """
    await app[PUBLISHER].submit(prompt)
    if await app[INTAKE].acknowledge(prompt.job_id) == "dropped":
        raise given_up()
    app[METRICS].jobs.labels("queued").inc()


def given_up() -> Problem:
    """The log did not get the prompt in time, so that nothing of the job was kept."""
    return unavailable("The prompt did not reach the log in time. Nothing was promised; try again.")


async def publish_answer(app: web.Application, answer: AnswerCompleted) -> None:
    """Steps 7 and 7b for an answer from the cache: it is in the log and visible when this returns.

    Raises:
        Unavailable: the broker or Redis did not answer.
    """
    written = await app[PUBLISHER].publish(ANSWERS, answer.job_id, answer, answer.prompt.traceparent)
    await app[SETTLING].settle(answer, written.partition, written.offset, written.timestamp_ms)
    app[METRICS].jobs.labels("completed").inc()


async def _recall(app: web.Application, prompt: PromptSubmitted) -> AnswerCompleted | None:
    """An earlier answer as this job's own; a conversation's turn is looked up by the worker, who knows its history."""
    if prompt.conversation is not None or not answer_cache.cacheable(prompt):
        return None
    try:
        earlier = await app[CACHE].recall(prompt)
    except InvalidEvent as error:
        log.warning("an entry of the answer cache cannot be read: %s", error)
        return None
    if earlier is None:
        return None
    now_ms = app[CLOCK].now_ms()
    return AnswerCompleted(
        job_id=prompt.job_id,
        prompt=prompt,
        text=earlier.text,
        usage=earlier.usage,
        finish_reason=earlier.finish_reason,
        cache="hit",
        timeline={"received": prompt.received_ms, "finished": now_ms},
    )


def _count(app: web.Application, prompt: PromptSubmitted, answer: AnswerCompleted | None) -> None:
    if prompt.conversation is not None:
        return
    bypassed = "miss" if answer_cache.cacheable(prompt) else "bypass"
    app[METRICS].cache_requests.labels("exact", bypassed if answer is None else "hit").inc()
