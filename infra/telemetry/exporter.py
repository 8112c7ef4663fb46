"""What a process tells of itself over HTTP: /metrics, /healthz, /readyz."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from infra.listening import listen
from infra.telemetry.metrics import Metrics
from infra.telemetry.settings import MetricsSettings

log = logging.getLogger(__name__)

_FINISH_S = 1.0


@asynccontextmanager
async def serving(settings: MetricsSettings, metrics: Metrics, ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Answer at the address of the settings, if there is one, until the block ends.

    Raises:
        WrongSetting: nothing can listen there; the variable is named.
    """
    if not settings.address:
        yield
        return
    runner = web.AppRunner(create_app(metrics, ready), access_log=None, shutdown_timeout=_FINISH_S)
    await runner.setup()
    try:
        log.info("metrics are served", extra={"url": await _listen(runner, settings)})
        yield
    finally:
        await runner.cleanup()


def create_app(metrics: Metrics, ready: Callable[[], bool]) -> web.Application:
    """The three routes; none of them asks for a key."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=await metrics.shown(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        status = "ready" if ready() else "not_ready"
        return web.json_response({"status": status}, status=200 if status == "ready" else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", show), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    app.on_response_prepare.append(_hang_up)
    return app


async def _hang_up(_: web.Request, response: web.StreamResponse) -> None:
    """A connection kept for the next scrape would only hold up our end."""
    response.force_close()
    response.headers["Connection"] = "close"  # aiohttp has chosen this header before we are asked


async def _listen(runner: web.AppRunner, settings: MetricsSettings) -> str:
    host, port = settings.host_and_port
    named = f"{settings.variable('address')}={settings.address}"
    # What it tells names no tenant and no key: it is made to be scraped from another machine.
    return f"{await listen(runner, host, port, named=named, warn=False)}/metrics"
