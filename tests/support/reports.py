"""The process `reports`, in the test's own loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from analytics.reports.app import create_app
from analytics.reports.charts import dashboard
from analytics.reports.questions import questions
from infra.clock import Clock
from infra.settings import ClickHouseSettings
from infra.telemetry.metrics import Metrics
from tests.support.builders import CLOCK

# Read with the module: a test's loop may not wait for the disk.
QUESTIONS = questions()
DASHBOARD = dashboard(QUESTIONS)


@asynccontextmanager
async def running_reports(store: ClickHouseSettings, clock: Clock = CLOCK) -> AsyncIterator[str]:
    """The URL of reports over this store."""
    app = create_app(store, QUESTIONS, DASHBOARD, clock=clock, threads=4, metrics=Metrics())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
