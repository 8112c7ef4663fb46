"""What surrounds every handler: name the request, turn errors into answers, authenticate, count."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from gateway import admission, headers, problems
from gateway.keys import (
    CALLER,
    CLOCK,
    INTAKE,
    LEAVING,
    LIMITS,
    METRICS,
    ORIGIN,
    PROXIES,
    REGISTRY,
    REQUEST_ID,
    SIGN_INS,
)
from gateway.origin import Origin
from gateway.problems import Problem, limited, unavailable, wrong_key
from infra.errors import Unavailable
from infra.ids import new_id
from infra.telemetry import requests
from producers.events import KeyIssued
from producers.jobs.intake import OverQuota

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/", "/dashboard", "/static/{path}"})
"""Routes that ask for no key: the pages hold nothing, and ask the API with their reader's."""


@web.middleware
async def name_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request a name, which every response carries; say where it comes from, and count it."""
    clock, metrics = request.app[CLOCK], request.app[METRICS]
    seen = Origin(request.remote or "", request.scheme, request.host)
    request[ORIGIN] = request.app[PROXIES].origin(seen, request.headers)
    request[REQUEST_ID] = headers.request_id(request.headers) or new_id("req", clock)
    began_ms = clock.now_ms()
    response = await handler(request)
    requests.count(metrics, request, response, (clock.now_ms() - began_ms) / 1000)
    return response


async def show_name(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request's name, and how its key stands, on a response that is about to be sent, whoever made it."""
    if request.app[LEAVING].is_set():
        # The client's next request is to go to another gateway. aiohttp has chosen the header before we are asked.
        response.force_close()
        response.headers["Connection"] = "close"
    response.headers.update(request.get(LIMITS, {}))
    response.headers["x-request-id"] = request.get(REQUEST_ID) or new_id("req", request.app[CLOCK])


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is told in one shape."""
    try:
        return await handler(request)
    except ConnectionError:
        raise  # the client is gone: nobody is left to tell
    except Exception as error:
        problem = problems.of(error)
        if problem.error.code == "internal_error":
            log.exception("a request failed", extra=_whose(request))
        response = problem.response()
        if isinstance(error, web.RequestPayloadError):
            response.force_close()  # where the next request begins, nobody knows
        return response


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find the caller's key in the registry, unless the path is open or there is nothing at it."""
    if request.match_info.http_exception is not None or _route(request) in OPEN:
        return await handler(request)
    api_key = headers.bearer(request.headers)
    reader = request.app[REGISTRY]
    if api_key is None:
        raise wrong_key("No API key was given: send Authorization: Bearer <key>.")
    if not reader.ready:
        # Of a key that is known already, the revocation may not be read yet.
        raise unavailable("The registry of keys is being read; try again in a moment.")
    known = reader.registry.key_for(api_key)
    if known is None:
        raise _failed_sign_in(request)
    request[CALLER] = known
    return await handler(request)


def _failed_sign_in(request: web.Request) -> Problem:
    client, sign_ins = request[ORIGIN].client, request.app[SIGN_INS]
    wait_s = sign_ins.failed(client, request.app[CLOCK].now_ms() / 1000)
    if not wait_s:
        return wrong_key("This API key is unknown or was revoked.")
    if sign_ins.is_first_over(client):
        log.warning("one address sends unknown API keys", extra=_whose(request))
    return limited("Too many unknown API keys came from this address.", wait_s)


def _whose(request: web.Request) -> dict[str, str]:
    origin = request[ORIGIN]
    return {
        "request_id": request[REQUEST_ID],
        "path": request.path,
        "client": origin.client,
        "scheme": origin.scheme,
        "host": origin.host,
    }


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every request of a key against its budget, or refuse it; a submit is counted where its job is accepted.

    A submit that never gets there, because it is wrong in itself, is counted here after all.
    """
    caller = request.get(CALLER)
    if caller is None:
        return await handler(request)
    route = _route(request)
    if (request.method, route) not in admission.SUBMITS:
        await _count(request, caller, route)
        return await handler(request)
    try:
        return await handler(request)
    except Exception as error:
        if LIMITS not in request and problems.of(error).status < 500:
            with suppress(Unavailable):
                await _count(request, caller, route)
        raise


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


async def _count(request: web.Request, caller: KeyIssued, route: str) -> None:
    budget = admission.budget_of(caller, request.method, route)
    counted = await request.app[INTAKE].count(budget.bucket, budget.requests_per_minute)
    quota_left = counted.quota_left if isinstance(counted, OverQuota) else counted
    request[LIMITS] = admission.limit_headers(budget, quota_left)
    if isinstance(counted, OverQuota):
        raise admission.too_much(counted, budget)
