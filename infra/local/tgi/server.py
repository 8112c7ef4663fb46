"""Start, serve, drain, stop: the listener closes first, running answers finish."""

import logging
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from infra import service as process
from infra.clock import Clock
from infra.errors import Unavailable
from infra.local.tgi.app import Route, application
from infra.local.tgi.engine import Engine
from infra.local.tgi.metrics import Metrics
from infra.local.tgi.options import Options
from infra.local.tgi.service import Service
from infra.local.tgi.template import ChatTemplate

SPARE_S = 1.0  # of the time to drain, for what comes after the last answer

log = logging.getLogger(__name__)


async def serve(
    host: process.Service,
    options: Options,
    engine: Engine,
    clock: Clock,
    *,
    hostname: str,
    port: int,
    port_file: Path | None = None,
    extra: Mapping[str, Route] | None = None,
) -> None:
    """Serve until the process is told to stop; listens once the engine is loaded, as TGI does.

    Raises:
        Unavailable: the engine cannot be loaded, or the port is taken.
        WrongSetting: the options contradict one another.
    """
    options.check()
    await engine.load()
    service = Service(options, engine, clock, Metrics(options), ChatTemplate(engine.chat_template, clock))
    runner = web.AppRunner(
        application(service, extra),
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=max(host.settings.drain_s - SPARE_S, SPARE_S),
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, hostname, port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise Unavailable("tgi", f"cannot listen on {hostname}:{port}: {error.strerror}") from None
        bound = runner.addresses[0][1]
        log.info("listening", extra={"address": f"http://{hostname}:{bound}", "model": options.model_id})
        if port_file is not None:
            _write(port_file, bound)
        host.ready()
        await host.stopping.wait()
    finally:
        await runner.cleanup()
        await engine.close()


def _write(path: Path, port: int) -> None:
    """Whole or not at all: whoever waits for the file may read it at once."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(str(port))
    partial.rename(path)
