"""The client as programs use it, with and without an event loop."""

from types import TracebackType
from typing import Self

from gateway.client.conversations import AsyncConversations, AsyncReports
from gateway.client.jobs import AsyncJobs
from gateway.client.settings import ClientSettings, chosen
from gateway.client.wire import the_way
from infra.clock import Clock, SystemClock


class AsyncHeadrace:
    """A client of one gateway: `async with AsyncHeadrace() as headrace`.

    Which gateway: `url` and `api_key`, or HEADRACE_CLIENT__URL and HEADRACE_CLIENT__API_KEY, or the stack that runs in
    this folder. `settings` stand in place of all of them, and say how patient the client is;
    without `retry` the first failure of a call is told at once.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        settings: ClientSettings | None = None,
        connections: int = 100,
        retry: bool = True,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._wire = the_way(settings or chosen(url, api_key), clock, connections=connections, retry=retry)
        self.jobs = AsyncJobs(self._wire, clock)
        self.conversations = AsyncConversations(self._wire)
        self.reports = AsyncReports(self._wire)

    async def __aenter__(self) -> Self:
        """Connections are made by the first call."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self.close()

    async def close(self) -> None:
        """Close every connection; twice is once."""
        await self._wire.close()
