"""A response of server-sent events: bounded in what it holds for a reader, and in its patience with one."""

from collections.abc import Mapping

from aiohttp import web

from gateway.readers.patience import Patience

_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class EventStream:
    """One response."""

    def __init__(self, request: web.Request, more: Mapping[str, str] | None = None) -> None:
        self._request = request
        self._response = web.StreamResponse(headers={**(more or {}), **_HEADERS})
        self._patience = Patience(request, self._response)

    @property
    def begun(self) -> bool:
        """Whether the head was sent."""
        return self._response.prepared

    async def write(self, told: bytes) -> web.StreamResponse:
        """Send this, after the head where it was not sent yet.

        Raises:
            ConnectionError: the reader is gone, or has taken nothing for too long.
        """
        if not self._response.prepared:
            await self._response.prepare(self._request)
        await self._patience.write(told)
        return self._response
