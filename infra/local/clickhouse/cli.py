"""`headrace clickhouse`: the embedded ClickHouse, alone."""

import asyncio
import logging
from functools import partial
from pathlib import Path

import click

from infra.local.clickhouse.engine import Engine
from infra.local.clickhouse.server import Server
from infra.service import Service, run

_log = logging.getLogger(__name__)


@click.command(epilog="Example: headrace clickhouse --port 9000 --data-dir ./clickhouse")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; no password is asked.")
@click.option("--port", default=0, show_default=True, help="Port to listen on; 0 takes a free one and logs it.")
@click.option("--data-dir", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where rows are.")
def clickhouse(host: str, port: int, data_dir: Path) -> None:
    """Run the embedded ClickHouse on its native protocol.

    Connect with `clickhouse://HOST:PORT/default`; ready when it answers a ping. Ends on Ctrl-C or SIGTERM with 0.
    """
    run(partial(_serve, host=host, port=port, data_dir=data_dir), name="clickhouse")


async def _serve(service: Service, *, host: str, port: int, data_dir: Path) -> None:
    engine = await asyncio.to_thread(Engine, data_dir)
    try:
        server = Server(engine, host=host, port=port)
        taking = asyncio.create_task(asyncio.to_thread(server.serve))
        _log.info("ClickHouse %s listens on %s:%s", ".".join(map(str, engine.version)), host, server.port)
        service.ready()
        await service.stopping.wait()
        await asyncio.to_thread(server.close)
        await taking
    finally:
        await asyncio.to_thread(engine.close)
