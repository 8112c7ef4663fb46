"""By its head alone: what is asked that we do not know, which body is too large to be read, and which may come."""

from collections.abc import Mapping

from aiohttp import HttpVersion11, hdrs, web

from gateway.http import headers
from gateway.http.problems import Problem
from gateway.http.requests import Handler, route_of

LONGEST_BYTES = web.AppKey("longest_bytes", Mapping[str, int])
"""By route, where a body may be longer than elsewhere."""
ASKED = web.AppKey("asked", Mapping[tuple[str, str], frozenset[str]])
"""By method and route, the names that a query may have; where none are told, the handler itself refuses others."""


@web.middleware
async def judge_head(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a query that is not known, and a body announced too large; tell a client that waits to send its own.

    Raises:
        Problem: 400 with the query's name, 417; `HTTPRequestEntityTooLarge`.
    """
    if request.match_info.http_exception is not None:
        return await handler(request)  # nothing is wanted where nobody answers
    route = route_of(request)
    known = request.app[ASKED].get((request.method, route)) if request.query else None
    if known is not None:
        headers.must_be_known(request.query, known)
    longest = request.app[LONGEST_BYTES].get(route, request.client_max_size)
    announced = request.content_length or 0
    if announced > longest:
        raise web.HTTPRequestEntityTooLarge(longest, announced)
    expected = request.headers.get(hdrs.EXPECT)
    if expected is not None and request.version >= HttpVersion11:
        if expected.strip(" \t").lower() != "100-continue":
            raise Problem(417, "100-continue is all that may be expected here.", code="expectation_failed")
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # So that the head of the response proper is written as if nothing had been.
        request.writer.output_size = 0
    return await handler(request)
