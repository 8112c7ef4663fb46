"""How the app is served: aiohttp's server, but what is wrong below HTTP is answered in our shape too."""

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from gateway.keys import CLOCK
from gateway.problems import SERVER, Problem
from infra.clock import Clock
from infra.ids import new_id

log = logging.getLogger(__name__)

LONGEST_URL_BYTES = 8 * 1024
LONGEST_HEADER_BYTES = 16 * 1024
"""Not the same number: by the limit that was passed aiohttp tells us which line was too long."""


class Runner(web.AppRunner):
    """Runs the gateway; a client that hangs up ends its handler, so that what it asked for can be given up."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        super().__init__(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=shutdown_timeout,
            max_line_size=LONGEST_URL_BYTES,
            max_field_size=LONGEST_HEADER_BYTES,
        )

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Front(made, self.app[CLOCK], **made._kwargs)


class _Front(web.Server):
    """Makes a `_Connection` for each client."""

    def __init__(self, made: web.Server, clock: Clock, **options: Any) -> None:
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **options,
        )
        self.closing = False
        self._clock = clock

    def __call__(self) -> RequestHandler:
        """A protocol for a new connection."""
        return _Connection(self._clock, self, loop=self._loop, **self._kwargs)

    def pre_shutdown(self) -> None:
        """Nothing new is taken from now on."""
        self.closing = True
        super().pre_shutdown()


class _Connection(RequestHandler):
    """One connection; bytes that are no HTTP get a problem of our own, and no traceback in the log."""

    __slots__ = ("_clock", "_front")

    def __init__(self, clock: Clock, front: _Front, **options: Any) -> None:
        super().__init__(front, **options)
        self._clock = clock
        self._front = front

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection that was taken while we close is closed: aiohttp would hold it, deaf, until the drain ends."""
        super().connection_made(transport)
        if self._front.closing:
            self.force_close()

    def close(self) -> None:
        """Close once the request under way is answered; at once where there is none."""
        super().close()
        if not self._request_in_progress and not self._messages:
            self.force_close()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What to answer when there is no request that a handler could see."""
        self.log_exception("a request failed below HTTP", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun; nothing can be told any more")
        problem = _problem(status, exc)
        problem.headers["x-request-id"] = new_id("req", self._clock)
        response = problem.response()
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Only what is our fault is worth a traceback."""
        if isinstance(kw.get("exc_info"), (HttpProcessingError, web.RequestPayloadError)):
            log.debug("a client sent what is no HTTP: %s", kw["exc_info"])
        else:
            super().log_exception(*args, **kw)


def _problem(status: int, error: BaseException | None) -> Problem:
    match error:
        case LineTooLong(args=(_, limit, *_)) if limit == LONGEST_URL_BYTES:
            return Problem(414, f"The URL is longer than {limit} bytes.", code="url_too_long")
        case LineTooLong(args=(_, limit, *_)):
            return Problem(431, f"A header line is longer than {limit} bytes.", code="header_too_long")
        case _ if status < 500:
            return Problem(status, "The request is not valid HTTP.", code="bad_request")
        case _:
            return Problem(status, "Something went wrong on our side.", type=SERVER, code="internal_error")
