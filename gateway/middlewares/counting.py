"""How often a key asks: every request counts against its budget, once."""

from contextlib import suppress

from aiohttp import web

from gateway.access import counts
from gateway.http import problems
from gateway.http.requests import Handler, route_of
from gateway.keys import CALLER, LIMITS
from gateway.repeats import table
from infra.errors import Unavailable


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every request of a key against its budget, or refuse it; a submit is counted where its job is accepted.

    A submit that never gets there, because it is wrong in itself, is counted here after all.
    """
    if request.get(CALLER) is None:
        return await handler(request)
    if not table.is_submit(request.method, route_of(request)):
        await counts.count(request)
        return await handler(request)
    try:
        return await handler(request)
    except Exception as error:
        if LIMITS not in request and problems.of(error).status < 500:
            with suppress(Unavailable):
                await counts.count(request)
        raise
