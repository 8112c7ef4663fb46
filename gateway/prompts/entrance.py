"""The way in: a request is read, its prompt made, and let in or refused."""

from aiohttp import web

from gateway.access import admission, limits
from gateway.http import headers, requests
from gateway.http.problems import of_job
from gateway.keys import CALLER, CLOCK, LIMITS, REGISTRY, SETTINGS, WEBHOOKS
from gateway.prompts.submission import SUBMISSIONS, Admitted, CacheHit, TurnedAway
from infra.ids import new_id
from infra.telemetry import trace
from producers.events import PromptSubmitted
from producers.jobs.intake import Again, NotAccepted, OverQuota
from producers.prompts import reading, responses
from producers.prompts.reading import Envelope, Route, Wish
from producers.prompts.responses import ResponseWish


async def read_prompt(request: web.Request, route: Route) -> tuple[PromptSubmitted, Wish]:
    """What a request asks, as a prompt with a new job id.

    Raises:
        Problem: the request is not one we can serve.
        WrongField: its body is not.
    """
    envelope, body = _envelope(request, route), await requests.read_body(request)
    return reading.read_prompt(body, envelope, request.app[SETTINGS], request.app[WEBHOOKS])


async def read_response(request: web.Request) -> tuple[PromptSubmitted, ResponseWish]:
    """The same of a request for a response; what it goes on from is not in the prompt yet.

    Raises:
        Problem: the request is not one we can serve.
        WrongField: its body is not.
    """
    envelope, body = _envelope(request, reading.RESPONSES), await requests.read_body(request)
    return responses.read(body, envelope, request.app[SETTINGS], request.app[WEBHOOKS])


def _envelope(request: web.Request, route: Route) -> Envelope:
    clock, caller = request.app[CLOCK], request[CALLER]
    return Envelope(
        route=route,
        job_id=new_id("job", clock),
        tenant=caller.tenant,
        key_id=caller.id,
        received_ms=clock.now_ms(),
        traceparent=trace.child_of(request.headers.get("traceparent")),
        idempotency_key=headers.idempotency_key(request.headers),
        cancel_after_s=headers.cancel_after_s(request.headers),
    )


async def enter(
    request: web.Request, prompt: PromptSubmitted, unread_ms: int = 0, *, at_once: bool = False
) -> Admitted | CacheHit | Again:
    """Let a prompt in; the request is counted against its key's limits, and is told how the key stands.

    With `unread_ms` its job is given up once nobody has read it for so long; a hit is told `at_once`, or
    published first.

    Raises:
        Problem: the key is over its limit or may not use the model, moderation refuses the prompt, ...
        Unavailable: Redis does not answer, or nobody can judge the prompt.
    """
    caller = request[CALLER]
    admission.must_be_allowed(caller, prompt.model)
    of_tenant = request.app[REGISTRY].registry.limits_of(caller.tenant)
    entered = await request.app[SUBMISSIONS].enter(
        prompt, caller.limits, unread_ms, of_tenant=of_tenant, at_once=at_once
    )
    request[LIMITS] = limits.headers(limits.WRITES, entered.stands)
    match entered:
        case TurnedAway(error=error):
            raise of_job(responses.in_its_words(error, prompt), prompt)
        case OverQuota():
            raise limits.too_much(entered, limits.WRITES, prompt.received_ms)
        case NotAccepted():
            raise admission.not_entered(entered)
        case Admitted() | CacheHit() | Again():
            return entered
