"""The way in: a request is read, its prompt made, and let in or refused."""

from aiohttp import web

from gateway import admission, headers
from gateway.keys import CALLER, CLOCK, LIMITS, SETTINGS, SUBMISSIONS, WEBHOOKS
from gateway.problems import Problem
from gateway.submission import Admitted, CacheHit
from infra.ids import new_id
from infra.telemetry import trace
from producers.events import PromptSubmitted
from producers.jobs.intake import Again, NotAccepted, OverQuota
from producers.prompts import reading
from producers.prompts.reading import Envelope, Route, Wish


async def read_body(request: web.Request) -> bytes:
    """The body of a request that must be JSON.

    Raises:
        Problem: 415 where it is something else.
    """
    if not headers.is_json(request.content_type, request.charset):
        raise Problem(415, "The body must be JSON: send Content-Type: application/json.", code="unsupported_media_type")
    return await request.read()


async def read_prompt(request: web.Request, route: Route) -> tuple[PromptSubmitted, Wish]:
    """What a request asks, as a prompt with a new job id.

    Raises:
        Problem: the request is not one we can serve.
        WrongField: its body is not.
    """
    clock, caller = request.app[CLOCK], request[CALLER]
    envelope = Envelope(
        route=route,
        job_id=new_id("job", clock),
        tenant=caller.tenant,
        key_id=caller.id,
        received_ms=clock.now_ms(),
        traceparent=trace.child_of(request.headers.get("traceparent")),
        idempotency_key=headers.idempotency_key(request.headers),
        cancel_after_s=headers.cancel_after_s(request.headers),
    )
    return reading.read_prompt(await read_body(request), envelope, request.app[SETTINGS], request.app[WEBHOOKS])


async def enter(request: web.Request, prompt: PromptSubmitted) -> Admitted | CacheHit | Again:
    """Let a prompt in; the request is counted against its key's limits, and is told how the key stands.

    Raises:
        Problem: the key is over its limit, the conversation is unknown, ...
        Unavailable: Redis does not answer.
    """
    caller = request[CALLER]
    budget = admission.writes(caller)
    entered = await request.app[SUBMISSIONS].enter(prompt, admission.quota_of(caller))
    request[LIMITS] = admission.limit_headers(budget, entered.quota_left)
    match entered:
        case OverQuota():
            raise admission.too_much(entered, budget)
        case NotAccepted():
            raise admission.not_entered(entered)
        case Admitted() | CacheHit() | Again():
            return entered
