"""Whose request it is, and whether their key is for such."""

import logging

from aiohttp import HttpVersion11, hdrs, web

from gateway.access import admission, tickets
from gateway.access.sign_ins import SignIns
from gateway.http import headers
from gateway.http.problems import Problem, limited, unavailable, wrong_key
from gateway.http.requests import Handler, route_of
from gateway.keys import CALLER, CLOCK, ORIGIN, REGISTRY
from gateway.middlewares.naming import whose
from producers.access.keys import has_expired

log = logging.getLogger(__name__)


SIGN_INS = web.AppKey("sign_ins", SignIns)
OPEN = frozenset(
    {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/", "/dashboard", "/dead", "/static/{path}"}
)
"""Routes that ask for no key: the pages hold nothing, and ask the API with their reader's."""


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find the caller's key in the registry, unless the path is open or there is nothing at it."""
    _must_be_framed_plainly(request)
    headers.must_not_contradict(request.headers, request.query)
    headers.must_be_readable(request.headers)
    tickets.must_bear_no_key(request.query)
    if request.match_info.http_exception is not None or route_of(request) in OPEN:
        return await handler(request)
    api_key, reader = headers.bearer(request.headers), request.app[REGISTRY]
    by_ticket = api_key is None and "ticket" in request.query
    if api_key is None and not by_ticket:
        raise wrong_key("No API key was given: send Authorization: Bearer <key>.")
    if not reader.ready:
        # Of a key that is known already, the revocation may not be read yet.
        raise unavailable("The registry of keys is being read; try again in a moment.")
    now_ms = request.app[CLOCK].now_ms()
    if by_ticket:
        known = await tickets.redeem(request, route_of(request))
    else:
        known = reader.registry.key_for(api_key or "", now_ms)
    if known is None:
        raise _failed_sign_in(request, by_ticket=by_ticket)
    if has_expired(known, now_ms):
        raise wrong_key("This API key has expired.")
    admission.must_have_scope(known, request.method, route_of(request))
    request[CALLER] = known
    return await handler(request)


def _must_be_framed_plainly(request: web.Request) -> None:
    encoding = request.headers.get(hdrs.TRANSFER_ENCODING)
    wrong = None
    if encoding is not None and request.version < HttpVersion11:
        wrong = "HTTP/1.0 knows no Transfer-Encoding."  # it reads the end elsewhere than we do (RFC 9112, 6.1)
    elif encoding is not None and encoding.strip().lower() != "chunked":
        wrong = "The only Transfer-Encoding that is understood here is chunked."
    if wrong is not None:
        raise Problem(400, wrong, code="bad_request", headers={"Connection": "close"})


def _failed_sign_in(request: web.Request, *, by_ticket: bool) -> Problem:
    client, sign_ins = request[ORIGIN].client, request.app[SIGN_INS]
    wait_s = sign_ins.failed(client, request.app[CLOCK].now_ms() / 1000)
    if not wait_s and by_ticket:
        return wrong_key("This ticket is unknown, was used before, is too old, or is for another path.")
    if not wait_s:
        return wrong_key("This API key is unknown or was revoked.")
    if sign_ins.is_first_over(client):
        log.warning("one address sends unknown API keys", extra=whose(request))
    return limited("Too many unknown API keys came from this address.", wait_s)
