"""Start, serve, drain, stop: the listener closes first, running answers finish."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from infra.clock import Clock
from infra.local.tgi.app import Route, application
from infra.local.tgi.engine import Engine
from infra.local.tgi.metrics import Metrics
from infra.local.tgi.options import Options
from infra.local.tgi.service import Service
from infra.local.tgi.template import ChatTemplate

DRAIN_S = 60.0


async def serve(
    options: Options,
    engine: Engine,
    clock: Clock,
    *,
    hostname: str,
    port: int,
    port_file: Path | None = None,
    extra: Mapping[str, Route] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; listens once the engine is loaded, as TGI does."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    await engine.load()
    service = Service(options, engine, clock, Metrics(options), ChatTemplate(engine.chat_template, clock))
    runner = web.AppRunner(
        application(service, extra), handler_cancellation=True, access_log=None, shutdown_timeout=DRAIN_S
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, hostname, port, backlog=1024)
        await site.start()
        if port_file is not None:
            _write(port_file, runner.addresses[0][1])
        await stop.wait()
    finally:
        await runner.cleanup()
        await engine.close()


def _write(path: Path, port: int) -> None:
    """Whole or not at all: whoever waits for the file may read it at once."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(str(port))
    partial.rename(path)
