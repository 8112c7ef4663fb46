"""`headrace gateway`: the HTTP side as a process."""

import asyncio
import logging
from dataclasses import replace

import click
from aiohttp import web

from gateway.app import Parts, create_app
from gateway.health import readiness
from gateway.keys import PUBLISHER, REGISTRY, SCRIPTS
from gateway.serving import Runner
from gateway.settings import GatewaySettings
from infra import service
from infra.service import Service
from infra.settings import KafkaSettings, RedisSettings
from producers.settings import WebhookSettings

log = logging.getLogger(__name__)

READY_POLL_S = 0.05
SHARE_OF_REQUESTS = 0.7
"""Part of the drain that running requests may take; the rest is for closing our clients after them."""


@click.command()
@click.option("--host", default=None, help="Address to listen on (HEADRACE_GATEWAY__HOST).")
@click.option("--port", default=None, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
def gateway(host: str | None, port: int | None) -> None:
    """Serve the HTTP API: prompts in, answers out.

    Kafka and Redis are those of HEADRACE_KAFKA__BOOTSTRAP_SERVERS and HEADRACE_REDIS__URL. While one is away the
    gateway answers 503 and goes on by itself when it is back. SIGTERM lets running requests finish
    (HEADRACE_SERVICE__DRAIN_S).
    """
    settings = GatewaySettings.from_env()
    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    parts = Parts(KafkaSettings.from_env(), RedisSettings.from_env(), webhooks=WebhookSettings.from_env().policy)

    async def serve(running: Service) -> None:
        await serve_gateway(running, settings, parts)

    service.run(serve, name="gateway")


async def serve_gateway(running: Service, settings: GatewaySettings, parts: Parts) -> None:
    """Listen until told to stop; then let running requests finish.

    Raises:
        Unavailable: an address is missing.
    """
    app = create_app(settings, parts, metrics=running.metrics)
    runner = Runner(app, shutdown_timeout=running.settings.drain_s * SHARE_OF_REQUESTS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=1024)
        await site.start()
        log.info("listening", extra={"url": _url(runner)})
        ready = asyncio.create_task(_say_ready(running, app), name="ready")
        await running.stopping.wait()
        ready.cancel()
    finally:
        await runner.cleanup()


async def _say_ready(running: Service, app: web.Application) -> None:
    """Ready once prompts reach the log and Redis; the view may still be rebuilding (then we answer 503)."""
    while True:
        parts = await readiness(app[PUBLISHER], app[REGISTRY], app[SCRIPTS])
        if parts["kafka"] and parts["registry"] and parts["redis"]:
            running.ready()
            return
        await asyncio.sleep(READY_POLL_S)


def _url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
