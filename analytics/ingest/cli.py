"""`headrace ingest`."""

import asyncio
import threading

import click

from analytics.ingest.burial import Gravedigger
from analytics.ingest.ingesting import Ingest
from analytics.settings import AnalyticsSettings
from infra.clock import SystemClock
from infra.service import Service, run
from infra.settings import ClickHouseSettings, KafkaSettings
from producers.log.publisher import Publisher


@click.command(epilog="Example: headrace ingest")
def ingest() -> None:
    """Write answers, job events and feedback from Kafka to ClickHouse, each record once."""
    run(_ingest, name="ingest")


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
        metrics=service.metrics,
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
