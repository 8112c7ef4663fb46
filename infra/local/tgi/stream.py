"""Server-sent events as TGI frames them: one event a chunk, a comment after fifteen seconds of silence."""

import asyncio
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from infra.local.tgi.errors import CutConnection, SendGarbage

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode


class EventStream:
    """An answer of events; its head goes out when it is entered. Use as `async with EventStream(…) as events:`."""

    def __init__(self, request: web.BaseRequest, characters: int, keep_alive_s: float) -> None:
        self._request = request
        self._keep_alive_s = keep_alive_s
        self._loop = asyncio.get_running_loop()
        self._last_s = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None
        self.response = web.StreamResponse(
            headers={
                "content-type": "text/event-stream",
                "cache-control": "no-cache",
                "x-compute-characters": str(characters),
                "x-accel-buffering": "no",
            }
        )

    async def __aenter__(self) -> Self:
        await self.response.prepare(self._request)
        self._timer = self._loop.call_later(self._keep_alive_s, self._maybe_beat)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        if self._beat is not None:
            self._beat.cancel()
        match error:
            case CutConnection():
                hang_up(self._request)
                return True
            case SendGarbage():
                await self.response.write(b"data: <html>502 Bad Gateway</html>\n\n")
                return True
            case _:
                return False

    async def send(self, event: Any) -> None:
        """One event of JSON."""
        self._last_s = self._loop.time()
        await self.response.write(b"data: %b\n\n" % _encode(event))

    async def done(self) -> None:
        """The end mark of the OpenAI-style routes."""
        await self.response.write(DONE)

    def _maybe_beat(self) -> None:
        silence_s = self._loop.time() - self._last_s
        if silence_s >= self._keep_alive_s:
            self._last_s = self._loop.time()
            self._beat = self._loop.create_task(self.response.write(b":\n\n"))
            silence_s = 0.0
        self._timer = self._loop.call_later(self._keep_alive_s - silence_s, self._maybe_beat)


def hang_up(request: web.BaseRequest) -> None:
    """Close the connection without an end of the answer."""
    if request.transport is not None:
        request.transport.close()
