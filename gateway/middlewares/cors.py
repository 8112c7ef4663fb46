"""Pages of other origins: none may read an answer of ours, but those that are named (WHATWG Fetch, CORS)."""

from typing import Final

from aiohttp import hdrs, web

from gateway.http.requests import Handler
from gateway.keys import SETTINGS

ANY: Final = "*"
METHODS: Final = "GET, HEAD, POST, DELETE"
PREFLIGHT_S: Final = 600
"""How long a browser may remember what it was told before a request."""
SHOWN: Final = (
    "ETag, Idempotent-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, x-job-id,"
    " x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests,"
    " x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, x-request-id, x-should-retry"
)
"""Headers that a page may read. No cookie is ever sent with its requests: a key is, in a header."""


@web.middleware
async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell a browser that a page of a named origin may ask; to others this is a method that we do not know."""
    is_preflight = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    if not is_preflight or not _is_named(request):
        return await handler(request)
    allowed = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, ""),
        hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_S),
    }
    return web.Response(status=204, headers=allowed)


async def show(request: web.Request, response: web.StreamResponse) -> None:
    """Let a page of a named origin read a response that is about to be sent."""
    if not request.app[SETTINGS].cors_origins:
        return
    response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    if _is_named(request):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = SHOWN


def _is_named(request: web.Request) -> bool:
    named, origin = request.app[SETTINGS].cors_origins, request.headers.get(hdrs.ORIGIN)
    return origin is not None and (origin in named or ANY in named)
