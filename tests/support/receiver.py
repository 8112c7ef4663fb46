"""A webhook receiver that does to order what receivers do: errors, slowness, redirects, resets after the work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Arrived:
    """One attempt as it arrived."""

    webhook_id: str
    headers: dict[str, str]
    body: bytes
    path: str


@dataclass
class Receiver:
    """A running receiver. `answers` is what to say to the next attempts, in order; when none is left, 204.

    An order is a status, `(status, headers)`, `"slow"` (never answers), or `"reset"` (takes it, then cuts).
    """

    port: int = 0
    arrived: list[Arrived] = field(default_factory=list)
    orders: list[Any] = field(default_factory=list)
    on_arrival: Callable[[Arrived], None] = lambda _: None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [each.webhook_id for each in self.arrived]

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        arrived = Arrived(request.headers.get("webhook-id", ""), dict(request.headers), body, request.path)
        self.arrived.append(arrived)
        self.on_arrival(arrived)
        match self.orders.pop(0) if self.orders else 204:
            case "reset":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "slow":
                await self._closing.wait()
                return web.Response(status=204)
            case (status, headers):
                return web.Response(status=status, headers=headers)
            case status:
                return web.Response(status=status)


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        receiver._closing.set()
        await runner.cleanup()
