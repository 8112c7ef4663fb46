"""Commands of the analytics room: `migrate`, `ingest`, `reports`."""

import asyncio
import logging
import threading

import click
from aiohttp import web

from analytics import migrate as migrations
from analytics.burial import Gravedigger
from analytics.ingest import Ingest
from analytics.questions import questions
from analytics.reports import create_app
from analytics.settings import AnalyticsSettings, ReportsSettings
from infra import clickhouse, stack_file
from infra.clock import SystemClock
from infra.service import Service, run
from infra.settings import ClickHouseSettings, KafkaSettings, LocalSettings
from producers.publisher import Publisher

log = logging.getLogger(__name__)


@click.command()
@click.option("--to", type=int, default=None, help="Number of the migration to go to, up or down; 0 undoes all.")
def migrate(to: int | None) -> None:
    """Bring the ClickHouse tables to the newest version, and text to its retention.

    The database is the one of HEADRACE_CLICKHOUSE__URL, or else that of the stack running here; it is created if there
    is none. May be run as often as you like.
    """
    settings = stack_file.addressed(ClickHouseSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    done = migrations.migrate(settings, AnalyticsSettings.from_env(), to=to)
    for each in done or ["nothing to do"]:
        click.echo(f"{clickhouse.database(settings)}: {each}")


@click.command()
def ingest() -> None:
    """Write answers, job events and feedback from Kafka to ClickHouse, each record once."""
    run(_ingest, name="ingest")


@click.command()
def reports() -> None:
    """Serve the named queries over read-only HTTP, for the gateway and for dashboards."""
    run(_reports, name="reports")


async def _ingest(service: Service) -> None:
    kafka_settings = KafkaSettings.from_env()
    publisher = Publisher(kafka_settings, "ingest")
    publisher.start()
    stopping = threading.Event()
    loop = asyncio.get_running_loop()
    work = Ingest(
        AnalyticsSettings.from_env(),
        kafka_settings=kafka_settings,
        clickhouse_settings=ClickHouseSettings.from_env(),
        gravedigger=Gravedigger(publisher, loop),
        clock=SystemClock(),
        stopping=stopping,
    )

    def ready() -> None:
        loop.call_soon_threadsafe(service.ready)

    reading = asyncio.create_task(asyncio.to_thread(work.run, ready))
    told = asyncio.create_task(service.stopping.wait())
    try:
        await asyncio.wait({reading, told}, return_when=asyncio.FIRST_COMPLETED)
        stopping.set()
        await reading
    finally:
        stopping.set()
        told.cancel()
        await publisher.close()


async def _reports(service: Service) -> None:
    settings = ReportsSettings.from_env()
    known = await asyncio.to_thread(questions)
    app = create_app(ClickHouseSettings.from_env(), known, clock=SystemClock(), threads=settings.threads)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        log.info("reports listen on http://%s:%s", host, port, extra={"url": f"http://{host}:{port}"})
        service.ready()
        await service.stopping.wait()
    finally:
        await runner.cleanup()
