"""How a stack stands: whether it runs and is ready, its processes, and how big its data are."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil

from infra import lock, stack_file
from infra.clock import Clock
from infra.local.disk import footprint
from infra.local.stack.checkout import Checkout
from infra.parts import Part, examine, visit
from infra.settings import LocalSettings
from infra.stack_file import Stack

State = Literal["ready", "not_ready", "starting", "stopped"]

EXIT_CODES: Final[dict[State, int]] = {"ready": 0, "not_ready": 1, "starting": 1, "stopped": 3}
"""What `headrace status` ends with."""


@dataclass(frozen=True)
class Vitals:
    """What the system says of a process and all beneath it."""

    since_ms: float
    memory_bytes: int


@dataclass(frozen=True)
class Process:
    """One part or process of a stack; one that was given by its address has no pid here."""

    name: str
    pid: int | None
    address: str
    ready: bool
    trouble: str = ""
    uptime_s: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Standing:
    """All that is known of the stack of one folder."""

    folder: Path
    state: State
    supervisor: int | None
    since_ms: float | None
    processes: tuple[Process, ...]
    data_bytes: Mapping[str, int]
    log_excess_bytes: int
    downloads: Path
    downloads_bytes: int
    stack: Stack | None

    @property
    def exit_code(self) -> int:
        """0 only where all of it runs and is ready."""
        return EXIT_CODES[self.state]

    @property
    def total_bytes(self) -> int:
        """All data together."""
        return sum(self.data_bytes.values())


async def look(local: LocalSettings, clock: Clock) -> Standing:
    """Look at the stack of these settings; nothing is started and nothing changed.

    Raises:
        UnknownHolder: somebody runs it whom we cannot see.
        WrongSetting: what it says of itself cannot be read.
    """
    checkout = Checkout(local.dir)
    supervisor = lock.holder(checkout.lock)
    # What a killed stack said of itself is no longer so.
    stack = stack_file.read(local) if supervisor is not None else None
    found = await asyncio.gather(examine(stack), visit(stack)) if stack is not None else ((), ())
    processes = tuple(_processes(stack, [*found[0], *found[1]], clock.now_ms())) if stack is not None else ()
    lived = vitals(supervisor) if supervisor is not None else None
    cache, sizes = local.downloads, footprint.sizes(local.dir)
    return Standing(
        folder=local.dir.absolute(),
        state=verdict(supervisor, stack, processes),
        supervisor=supervisor,
        since_ms=lived.since_ms if lived else None,
        processes=processes,
        data_bytes=sizes,
        log_excess_bytes=max(0, sizes["kafka"] - local.kafka_max_bytes),
        downloads=cache,
        downloads_bytes=sum(footprint.sizes(cache).values()),
        stack=stack,
    )


def verdict(supervisor: int | None, stack: Stack | None, processes: Iterable[Process]) -> State:
    """How the stack stands as a whole. Pure."""
    if supervisor is None:
        return "stopped"
    if stack is None:
        return "starting"
    return "ready" if all(each.ready for each in processes) else "not_ready"


def _processes(stack: Stack, answers: Iterable[Part], now_ms: float) -> Iterable[Process]:
    answered = {each.name: each for each in answers}
    for name in dict.fromkeys((*answered, *stack.processes)):
        pid, answer = stack.processes.get(name), answered.get(name)
        lived = vitals(pid) if pid is not None else None
        trouble = answer.failure if answer else ""
        if pid is not None and lived is None:
            trouble = f"process {pid} is gone"
        yield Process(
            name=name,
            pid=pid,
            address=answer.address.removesuffix("/metrics") if answer else "",
            ready=not trouble,
            trouble=trouble,
            uptime_s=round((now_ms - lived.since_ms) / 1000, 1) if lived else None,
            memory_bytes=lived.memory_bytes if lived else None,
        )


def vitals(pid: int) -> Vitals | None:
    """What the system says of a process; None where there is none of that number."""
    try:
        process = psutil.Process(pid)
        beneath = [process, *process.children(recursive=True)]
        return Vitals(process.create_time() * 1000, sum(_resident(each) for each in beneath))
    except psutil.Error:
        return None


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
