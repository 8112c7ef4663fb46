"""Whatever goes wrong inside is told in one shape."""

import logging

from aiohttp import hdrs, web

from gateway.http import problems
from gateway.http.requests import Handler
from gateway.keys import CLOCK
from gateway.middlewares.naming import whose

log = logging.getLogger(__name__)


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
            log.exception("a request failed", extra=whose(request))
        if request.writer.output_size > 0:
            # What has begun as a whole response must not end as one: the connection is cut instead.
            raise ConnectionError(f"a response broke off: {problem.error.message}") from error
        response = problem.response(request.app[CLOCK].now_ms())
        if isinstance(error, web.RequestPayloadError) or problem.headers.get(hdrs.CONNECTION) == "close":
            response.force_close()  # where the next request begins, nobody knows
        return response
