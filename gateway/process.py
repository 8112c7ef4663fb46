"""The gateway as a service: it listens until it is told to stop, and leaves without losing anybody's answer."""

import asyncio
import logging
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ssl import SSLContext

from aiohttp import web

from gateway.app import Parts, create_app
from gateway.health import readiness
from gateway.keys import LEAVING, PUBLISHER, REGISTRY, SCRIPTS
from gateway.readers.live import LIVE
from gateway.serving import Runner
from gateway.settings import GatewaySettings
from infra.clock import SystemClock
from infra.errors import WrongSetting
from infra.listening import listen
from infra.service import Service
from infra.settings import ServiceSettings
from infra.tls import Door

log = logging.getLogger(__name__)

FEW_FILES = 4096
"""Below this a gateway says so when it starts."""
READY_POLL_S = 0.05
SHARE_OF_REQUESTS = 0.7
"""Part of the drain, after the linger, that running requests may take; the rest is for closing our clients."""
HEARD_S = 0.5
"""After readers were told that we stop, time for them to hear it."""


@dataclass(frozen=True)
class Leave:
    """How a gateway leaves, once it is told to: for so long it takes requests still, then so long it finishes them."""

    linger_s: float
    finish_s: float

    @classmethod
    def within(cls, service: ServiceSettings, settings: GatewaySettings) -> "Leave":
        """Of what the process may take.

        Raises:
            WrongSetting: nothing is left after the linger.
        """
        if settings.linger_s >= service.drain_s:
            raise WrongSetting(
                f"{settings.variable('linger_s')}={settings.linger_s:g} leaves nothing of "
                f"{service.variable('drain_s')}={service.drain_s:g}"
            )
        return cls(settings.linger_s, (service.drain_s - settings.linger_s) * SHARE_OF_REQUESTS)


async def serve_gateway(running: Service, settings: GatewaySettings, parts: Parts) -> None:
    """Listen until told to stop; then let running requests finish.

    Raises:
        Unavailable: an address is missing.
        WrongSetting: nothing can listen there, or the certificate cannot be used.
    """
    leave = Leave.within(running.settings, settings)
    open_all_files_allowed()
    app = create_app(settings, parts, metrics=running.metrics)
    async with _door(settings) as tls:
        runner = Runner(app, shutdown_timeout=leave.finish_s)
        await runner.setup()
        try:
            named = f"{settings.variable('host')}={settings.host}, {settings.variable('port')}={settings.port}"
            url = await listen(runner, settings.host, settings.port, named=named, tls=tls)
            log.info("listening", extra={"url": url})
            ready = asyncio.create_task(_say_ready(running, app), name="ready")
            await running.stopping.wait()
            ready.cancel()
            app[LEAVING].set()
            await asyncio.sleep(leave.linger_s)
            asyncio.get_running_loop().call_later(max(0.0, leave.finish_s - HEARD_S), app[LIVE].cut_off)
        finally:
            await runner.cleanup()


def open_all_files_allowed() -> None:
    """Raise our limit of open files as far as we may: each connection is one, and systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # where no limit is, some systems take no number for it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft != resource.RLIM_INFINITY and soft < FEW_FILES:
        log.warning("few connections fit: raise the limit of open files (ulimit -Hn)", extra={"open_files": soft})


@asynccontextmanager
async def _door(settings: GatewaySettings) -> AsyncIterator[SSLContext | None]:
    """The context of our certificate, watched as long as it is in use; None where nothing is encrypted."""
    if settings.tls is None:
        yield None
        return
    door = await asyncio.to_thread(Door, settings.tls, SystemClock())
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    watching = asyncio.create_task(door.watch(settings.tls_look_every_s, asked), name="certificate")
    try:
        yield door.context
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        watching.cancel()
        await asyncio.wait([watching])


async def _say_ready(running: Service, app: web.Application) -> None:
    """Ready once prompts reach the log and Redis; the view may still be rebuilding (then we answer 503)."""
    while True:
        parts = await readiness(app[PUBLISHER], app[REGISTRY], app[SCRIPTS])
        if parts["kafka"] and parts["registry"] and parts["redis"]:
            running.ready()
            return
        await asyncio.sleep(READY_POLL_S)
