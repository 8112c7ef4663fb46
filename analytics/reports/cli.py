"""`headrace reports`."""

import asyncio
import logging

import click
from aiohttp import web

from analytics.reports.app import create_app
from analytics.reports.charts import dashboard
from analytics.reports.questions import questions
from analytics.settings import ReportsSettings
from infra.clock import SystemClock
from infra.listening import listen
from infra.service import Service, run
from infra.settings import ClickHouseSettings

log = logging.getLogger(__name__)

SHARE_OF_REQUESTS = 0.5
"""Part of the drain that running queries may take."""


@click.command(epilog="Example: headrace reports")
def reports() -> None:
    """Serve the named queries over read-only HTTP, for the gateway and for dashboards."""
    run(_reports, name="reports")


async def _reports(service: Service) -> None:
    settings = ReportsSettings.from_env()
    known = await asyncio.to_thread(questions)
    app = create_app(
        ClickHouseSettings.from_env(),
        known,
        await asyncio.to_thread(dashboard, known),
        clock=SystemClock(),
        threads=settings.threads,
        most_queries=settings.most_queries,
        most_queries_of_a_tenant=settings.most_queries_of_a_tenant,
        metrics=service.metrics,
    )
    # Who hangs up ends its handler: queries that still wait for a thread are then never asked.
    drain_s = service.settings.drain_s * SHARE_OF_REQUESTS
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=drain_s)
    await runner.setup()
    try:
        named = f"{settings.variable('host')}={settings.host}, {settings.variable('port')}={settings.port}"
        url = await listen(runner, settings.host, settings.port, named=named)
        log.info("reports listen on %s", url, extra={"url": url})
        service.ready()
        await service.stopping.wait()
    finally:
        await runner.cleanup()
