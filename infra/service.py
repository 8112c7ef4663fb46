"""How every process of ours lives: start, serve, drain, stop.

A service is one coroutine, `serve(service)`. It starts what it needs, says `service.ready()` once it does its work,
waits for `service.stopping` and puts its things down. SIGTERM and SIGINT set `stopping`; a drain that outlasts
`HEADRACE_SERVICE__DRAIN_S` is cancelled, and a second signal ends the process on the spot. All the while it tells how
it fares at `HEADRACE_METRICS__ADDRESS`.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import uvloop

from infra.errors import OurFault
from infra.settings import LogSettings, ServiceSettings
from infra.telemetry import exporter
from infra.telemetry.logging import configure
from infra.telemetry.metrics import Metrics
from infra.telemetry.settings import MetricsSettings

log = logging.getLogger(__name__)

# Beyond the drain deadline: time for a cancelled `serve` to clean up before the process ends without it.
_CANCEL_GRACE_S: Final = 2.0
# The threads of the Kafka clients let go of the interpreter at every read and write; each would wait 5 ms for its turn
# beside a busy loop.
_SWITCH_S: Final = 0.0005
# A request makes thousands of objects and hardly a cycle: the collector may look less often than after every 700.
_COLLECT_AFTER: Final = 10_000
_ENDED_BY_SECOND_SIGNAL: Final = 130
_DID_NOT_DRAIN: Final = 1


class Service:
    """What a serving coroutine is told, and tells: `stopping`, `ready()`, and what it counts in `metrics`."""

    def __init__(self, name: str, settings: ServiceSettings | None = None) -> None:
        self.name = name
        self.settings = settings or ServiceSettings()
        self.metrics = Metrics()
        self.stopping = asyncio.Event()
        self._ready = False

    @property
    def is_ready(self) -> bool:
        """Whether it does its work, and goes on doing so."""
        return self._ready and not self.stopping.is_set()

    def ready(self) -> None:
        """Say that the service does its work from now on; whoever started it reads the ready file."""
        if self._ready:
            return
        self._ready = True
        if self.settings.ready_file:
            _write_whole(Path(self.settings.ready_file), f"{os.getpid()}\n")
        log.info("ready")


Serve = Callable[[Service], Awaitable[None]]


def run(serve: Serve, *, name: str) -> None:
    """Run one service in this process until it is told to stop.

    Raises:
        OurFault: the service did not drain in time and was cancelled.
        WrongSetting: it cannot tell its metrics where it is told to.
    """
    settings, told_at = ServiceSettings.from_env(), MetricsSettings.from_env()
    configure(LogSettings.from_env(), service=name)
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()  # what was imported stays as long as we do: the collector need not look at it again and again
    gc.set_threshold(_COLLECT_AFTER)
    uvloop.run(_live(serve, Service(name, settings), told_at))


async def _live(serve: Serve, service: Service, told_at: MetricsSettings) -> None:
    async with exporter.serving(told_at, service.metrics, lambda: service.is_ready):
        await _until_stopped(serve, service)
    log.info("stopped")


async def _until_stopped(serve: Serve, service: Service) -> None:
    serving = asyncio.ensure_future(serve(service))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, service, serving)
    try:
        await serving
    except asyncio.CancelledError:
        drain_s = service.settings.drain_s
        raise OurFault(f"{service.name} did not drain within {drain_s:g} s and was cut off") from None
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _stop(service: Service, serving: asyncio.Future[None]) -> None:
    if service.stopping.is_set():
        log.warning("second signal: ending at once")
        _end(_ENDED_BY_SECOND_SIGNAL)
    log.info("stopping")
    service.stopping.set()
    drain_s = service.settings.drain_s
    asyncio.get_running_loop().call_later(drain_s, serving.cancel)
    # A thread, because the loop itself may be what hangs.
    last_resort = threading.Timer(drain_s + _CANCEL_GRACE_S, _end, (_DID_NOT_DRAIN,))
    last_resort.daemon = True
    last_resort.start()


def _end(code: int) -> None:
    sys.stderr.flush()
    os._exit(code)


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)
