"""The Faust app: a factory, without web server, tables, leader election or autodiscovery.

Faust's web server binds 0.0.0.0:6066 even with `web_enabled=False`, and a second worker on the machine dies of it, so
the boot strategy here leaves it out altogether.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.contrib.asgi import bind_to_running_loop
from faust.types.auth import CredentialsT
from yarl import URL

from infra import kafka
from infra.errors import OurFault, Unavailable
from infra.settings import KafkaSettings
from producers.log.topics import Topic
from stream_workers.transport import SafeConsumer, SafeTransport, StockTransport

log = logging.getLogger(__name__)

COMMIT_EVERY_S = 1.0
HEARTBEAT_S = 1.0
REBALANCE_S = 5.0
"""A member that has not rejoined after so long is left out: the longest that one can stall the others."""
NO_POLL_LIMIT_S = 86_400.0
BUFFERED = 4096


class _WithoutWeb(BootStrategy):
    enable_web = False


class WorkerApp(faust.App):
    """A Faust app that touches neither the web nor the disk."""

    BootStrategy = _WithoutWeb

    def _create_directories(self) -> None:
        """Nothing is kept on disk: state is in Redis and in the log."""


def create_app(
    settings: KafkaSettings, group: str, *, instance: str = "", session_timeout_s: float = 10.0, safe: bool = True
) -> WorkerApp:
    """An app of raw bytes for one consumer group; agents are added by the caller.

    With an `instance` the membership is static: one that comes back under it within the session timeout has its
    partitions at once and moves nobody else's; but when it goes for good they stand still for as long.

    Raises:
        Unavailable: no broker is given.
    """
    app = WorkerApp(
        f"{settings.topic_prefix}{group}",
        broker=[URL(f"kafka://{each}") for each in kafka.servers(settings)],
        broker_credentials=credentials(settings),
        key_serializer="raw",
        value_serializer="raw",
        autodiscover=False,
        web_enabled=False,
        store="memory://",
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance or None,
        consumer_max_fetch_size=kafka.MAX_RECORD_BYTES,
        broker_commit_interval=COMMIT_EVERY_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_session_timeout=session_timeout_s,
        broker_rebalance_timeout=REBALANCE_S,
        broker_max_poll_interval=NO_POLL_LIMIT_S,
        stream_buffer_maxsize=BUFFERED,
        stream_wait_empty=False,
        producer_acks=-1,
        producer_linger_ms=0,
        producer_max_request_size=kafka.MAX_RECORD_BYTES,
        producer_request_timeout=settings.delivery_timeout_s,
    )
    app.finalize()
    transport = SafeTransport if safe else StockTransport
    app.transport = transport(app.conf.broker_consumer, app)
    app.producer_transport = app.transport
    return app


def credentials(settings: KafkaSettings) -> CredentialsT | None:
    """How Faust is to reach the brokers; None where they ask for nothing.

    Raises:
        WrongSetting: a TLS file cannot be used.
    """
    how = kafka.security(settings)
    if settings.signs_in:
        return faust.SASLCredentials(
            mechanism=how["sasl_mechanism"],
            username=how["sasl_plain_username"],
            password=how["sasl_plain_password"],
            ssl_context=how.get("ssl_context"),
        )
    return faust.SSLCredentials(how["ssl_context"]) if settings.encrypted else None


def subscription(app: WorkerApp, settings: KafkaSettings, topics: Iterable[Topic]) -> Any:
    """A Faust topic for the records of these topics, as raw bytes."""
    names = [f"{settings.topic_prefix}{each.name}" for each in topics]
    return app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


@asynccontextmanager
async def running(app: WorkerApp, stop_timeout_s: float = 3.0) -> AsyncIterator[None]:
    """Run the app on this loop; its stop is bounded, since Faust can wait for ever there.

    Raises:
        Unavailable: no broker answers at the start.
    """
    bind_to_running_loop(app)
    try:
        await app.maybe_start()
    except Exception as error:
        await _stop(app, stop_timeout_s)
        raise Unavailable("kafka", f"the worker cannot join its group: {error!r}") from error
    try:
        yield
    finally:
        await _stop(app, stop_timeout_s)


async def _stop(app: WorkerApp, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await app.stop()
    except TimeoutError:
        log.warning("faust did not stop within %s s and is left behind", timeout_s)


def behind(app: WorkerApp) -> dict[str, int]:
    """By topic as the broker names it, how many records of our partitions are not done; as of the last fetch."""
    consumer: Any = app.consumer
    return consumer.behind() if isinstance(consumer, SafeConsumer) else {}


async def crashed(app: WorkerApp) -> None:
    """Return never, unless Faust gives up.

    Raises:
        OurFault: it did; only a new process helps.
    """
    await app._crashed.wait()
    raise OurFault(f"faust gave up: {app.crash_reason!r}")
