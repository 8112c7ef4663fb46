"""How the app is served: aiohttp's server, but what is wrong below HTTP is answered in our shape too."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from aiohttp import HttpVersion10, HttpVersion11, StreamReader, web
from aiohttp.http import HttpProcessingError, RawRequestMessage
from aiohttp.http_exceptions import BadHttpMessage, ContentEncodingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.http.problems import SERVER, Problem, unread_encoding, wrongly_packed
from gateway.http.unpacking import insist_on_the_end
from gateway.keys import CLOCK, SETTINGS
from infra.clock import Clock
from infra.ids import new_id

log = logging.getLogger(__name__)

_SPOKEN = (HttpVersion10, HttpVersion11)
BODY_STEP_BYTES = 64 * 1024
"""So much of a body must come within each `body_timeout_s`, or its end."""
LONGEST_URL_BYTES = 8 * 1024
LONGEST_HEADER_BYTES = 16 * 1024
"""Not the same number: by the limit that was passed aiohttp tells us which line was too long."""

MOST_HEADERS = 128


class Runner(web.AppRunner):
    """Runs the gateway; a client that hangs up ends its handler, so that what it asked for can be given up."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        insist_on_the_end()
        super().__init__(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=shutdown_timeout,
            keepalive_timeout=app[SETTINGS].idle_timeout_s,
            max_line_size=LONGEST_URL_BYTES,
            max_field_size=LONGEST_HEADER_BYTES,
            max_headers=MOST_HEADERS,
        )

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        settings = self.app[SETTINGS]
        patience = Patience(settings.head_timeout_s, settings.body_timeout_s)
        return _Front(made, self.app[CLOCK], patience, **made._kwargs)


@dataclass(frozen=True)
class Patience:
    """How long a client may take to send what it began: the head of a request, and each step of its body."""

    head_s: float
    body_s: float


class _Front(web.Server):
    """Makes a `_Connection` for each client."""

    def __init__(self, made: web.Server, clock: Clock, patience: Patience, **options: Any) -> None:
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **options,
        )
        self.closing = False
        self._clock = clock
        self._patience = patience

    def __call__(self) -> RequestHandler:
        """A protocol for a new connection."""
        return _Connection(self._clock, self._patience, self, loop=self._loop, **self._kwargs)

    def pre_shutdown(self) -> None:
        """Nothing new is taken from now on."""
        self.closing = True
        super().pre_shutdown()


class _Connection(RequestHandler):
    """One connection; bytes that are no HTTP get a problem of our own, and no traceback in the log."""

    __slots__ = ("_body", "_clock", "_front", "_head_due", "_patience", "_step_bytes", "_step_due")

    def __init__(self, clock: Clock, patience: Patience, front: _Front, **options: Any) -> None:
        super().__init__(front, **options)
        self._clock = clock
        self._patience = patience
        self._front = front
        self._head_due: asyncio.TimerHandle | None = None
        self._step_due: asyncio.TimerHandle | None = None
        self._body: StreamReader | None = None
        self._step_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection that was taken while we close is closed: aiohttp would hold it, deaf, until the drain ends."""
        super().connection_made(transport)
        if self._front.closing:
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Take what came, and begin to wait for the rest of what it began."""
        seen = self._request_count
        super().data_received(data)
        if self._request_count > seen:
            self._stop_waiting()
            self._refuse_other_versions()
            last, body = self._messages[-1]
            if isinstance(last, _ErrInfo) and self._body is not None and not self._body.is_eof():
                # aiohttp would let the handler wait for a body that goes on as no HTTP.
                self._body.set_exception(_problem(last.status, last.exc))
            self._await_body(body)
        elif self._body is not None and not self._body.is_eof():
            self._step_bytes += len(data)
        elif data and self._head_due is None and not self._request_in_progress and not self._force_close:
            self._head_due = self._loop.call_later(self._patience.head_s, self._head_is_late)

    def _refuse_other_versions(self) -> None:
        """The parser takes more versions than aiohttp speaks, which would answer in the one it was asked in."""
        for at, (told, _) in enumerate(self._messages):
            if isinstance(told, RawRequestMessage) and told.version not in _SPOKEN:
                error = _NotSpoken(message=f"HTTP/{told.version.major}.{told.version.minor}")
                self._messages[at] = (_ErrInfo(error.code, error, str(error)), EMPTY_PAYLOAD)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing is waited for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        for due in (self._head_due, self._step_due):
            if due is not None:
                due.cancel()
        self._head_due = self._step_due = None

    def _await_body(self, body: StreamReader) -> None:
        self._body, self._step_bytes = (None, 0) if body.is_eof() else (body, 0)
        if self._body is not None:
            self._step_due = self._loop.call_later(self._patience.body_s, self._step_is_due)

    def _head_is_late(self) -> None:
        self._head_due = None
        if self._messages or self._request_in_progress or self._waiter is None or self._waiter.done():
            return
        late = _TooSlow()
        self._messages.append((_ErrInfo(status=408, exc=late, message=str(late)), EMPTY_PAYLOAD))
        self._waiter.set_result(None)

    def _step_is_due(self) -> None:
        body, self._step_due = self._body, None
        if body is None or body.is_eof() or body.exception() is not None:
            self._body = None
            return
        if self._step_bytes < BODY_STEP_BYTES and not self._reading_paused:
            self._body = None
            body.set_exception(too_slow())
            return
        self._await_body(body)

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
        response = problem.response(self._clock.now_ms())
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Only what is our fault is worth a traceback."""
        if isinstance(kw.get("exc_info"), (HttpProcessingError, web.RequestPayloadError, Problem)):
            log.debug("a client sent what is no HTTP: %s", kw["exc_info"])
        else:
            super().log_exception(*args, **kw)


class _NotSpoken(HttpProcessingError):
    """A request in a version of HTTP that is not spoken here."""

    code = 505


class _TooSlow(HttpProcessingError):
    """A request whose head did not come in time."""

    code = 408


def too_slow() -> Problem:
    """What came of a request did not come in time."""
    message = "The request took too long to arrive."
    return Problem(408, message, code="request_timeout", headers={"Connection": "close"})


def _problem(status: int, error: BaseException | None) -> Problem:
    match error:
        case _TooSlow():
            return too_slow()
        case _NotSpoken():
            message = "HTTP/1.1 is spoken here."
            return Problem(status, message, type=SERVER, code="version_not_spoken", headers={"Connection": "close"})
        case ContentEncodingError(message=said) if "Please install" in said:
            # br and zstd, before they are refused by their names.
            return unread_encoding()
        case ContentEncodingError():
            return wrongly_packed()
        case LineTooLong(args=(_, limit, *_)) if limit == LONGEST_URL_BYTES:
            return Problem(414, f"The URL is longer than {limit} bytes.", code="url_too_long")
        case LineTooLong(args=(_, limit, *_)):
            return Problem(431, f"A header line is longer than {limit} bytes.", code="header_too_long")
        case BadHttpMessage(message="Too many headers received"):
            return Problem(431, f"There are more than {MOST_HEADERS} headers.", code="too_many_headers")
        case _ if status < 500:
            closing = {"Connection": "close"}
            return Problem(status, "The request is not valid HTTP.", code="bad_request", headers=closing)
        case _:
            return Problem(status, "Something went wrong on our side.", type=SERVER, code="internal_error")
