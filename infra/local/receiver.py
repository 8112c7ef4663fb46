"""A webhook receiver for development: verifies every signature (Standard Webhooks 1.0.0) and shows what arrived.

`POST /` takes a webhook: 204 if its signature holds, 401 if not. `GET /received` lists what arrived, oldest first.
"""

import logging
from collections import deque
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final

import click
import msgspec
from aiohttp import web

from infra import signing
from infra.clock import Clock, SystemClock
from infra.errors import WrongSetting
from infra.local.processes.ports import LOOPBACK
from infra.local.settings import ReceiverSettings
from infra.service import Service, run

log = logging.getLogger(__name__)

KEPT: Final = 1000


@dataclass(frozen=True)
class Received:
    """One delivery as it arrived; `refused` says what was wrong with it, if anything was."""

    webhook_id: str
    at_ms: float
    refused: str | None
    payload: Any


@dataclass
class Inbox:
    """The latest deliveries."""

    secret: str
    clock: Clock
    deliveries: deque[Received] = field(default_factory=lambda: deque(maxlen=KEPT))


INBOX: Final = web.AppKey("inbox", Inbox)


def create_app(secret: str, clock: Clock) -> web.Application:
    """The receiver as an application."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app[INBOX] = Inbox(secret, clock)
    app.router.add_get("/received", show)
    app.router.add_post("/{path:.*}", take)
    return app


async def take(request: web.Request) -> web.Response:
    """Take one delivery: 204, or 401 where its signature does not hold."""
    inbox = request.app[INBOX]
    body = await request.read()
    refused = signing.refusal((inbox.secret,), request.headers, body, now_s=inbox.clock.now_ms() / 1000)
    delivery = Received(request.headers.get("webhook-id", ""), inbox.clock.now_ms(), refused, _payload(body))
    inbox.deliveries.append(delivery)
    log.info("webhook %s", "refused" if refused else "accepted", extra={"webhook_id": delivery.webhook_id})
    return web.Response(status=401, text=refused) if refused else web.Response(status=204)


async def show(request: web.Request) -> web.Response:
    """What arrived, oldest first; the latest thousand."""
    deliveries = [asdict(each) for each in request.app[INBOX].deliveries]
    return web.Response(body=msgspec.json.encode({"received": deliveries}), content_type="application/json")


def _payload(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None


@click.command(epilog="Example: headrace receiver --port 9100")
@click.option("--port", default=0, show_default=True, help="port to listen on; 0: any free one")
def receiver(port: int) -> None:
    """Receive webhooks on loopback, verify them and show them at /received.

    The secret comes from HEADRACE_RECEIVER__SECRET. `headrace up` starts one by itself.
    """
    settings = ReceiverSettings.from_env()
    try:
        signing.key_of(settings.secret)
    except WrongSetting:
        raise click.ClickException(f"{settings.variable('secret')} is no Standard Webhooks secret (whsec_…)") from None
    run(partial(serve, secret=settings.secret, port=port), name="receiver")


async def serve(service: Service, *, secret: str, port: int) -> None:
    """Serve until told to stop."""
    runner = web.AppRunner(create_app(secret, SystemClock()), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, port)
        await site.start()
        log.info("receiving webhooks", extra={"url": f"http://{LOOPBACK}:{runner.addresses[0][1]}/"})
        service.ready()
        await service.stopping.wait()
    finally:
        await runner.cleanup()
