"""One supervisor: starts parts after those they need, restarts what dies, stops everything in reverse order."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from infra.errors import CannotStart, HeadraceError
from infra.local.disk.jars import Report
from infra.local.processes.process import Child, Command, ending
from infra.local.stack.progress import StartUp

# Pause before the n-th restart of a child that keeps dying; the last goes on for ever.
RESTART_AFTER_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0)
# A child that lived so long had started well: its next death counts as its first.
_LIVED_WELL_S: Final = 30.0

Made = TypeVar("Made")


@dataclass(frozen=True)
class Part:
    """A process that stays: what it needs first, how to get its command, and in which turn it stops (low first)."""

    name: str
    prepare: Callable[[Report], Command]
    after: tuple[str, ...] = ()
    stops: int = 0


@dataclass(frozen=True)
class Errand:
    """Something done once on the way up, that others wait for."""

    name: str
    do: Callable[[], Awaitable[None]]
    after: tuple[str, ...] = ()


class Supervisor:
    """Holds the children of one stack; all methods in one loop in the main thread."""

    def __init__(self, say: Callable[[str], None], changed: Callable[[Mapping[str, int]], None]) -> None:
        self._say = say
        self._changed = changed
        self._children: dict[str, Child] = {}
        self._turns: dict[str, int] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._started = False

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: child.pid for name, child in self._children.items()}

    async def start(self, plan: list[Part | Errand], shown: StartUp) -> None:
        """Start everything, each as soon as what it needs is ready; then keep it running.

        Raises:
            HeadraceError: the first that could not start (CannotStart), or whose making failed; the rest is left for
                `stop`.
        """
        done = {each.name: asyncio.Event() for each in plan}
        try:
            async with asyncio.TaskGroup() as group:
                for each in plan:
                    group.create_task(self._reach(each, done, shown))
        except* HeadraceError as failed:
            raise failed.exceptions[0] from None
        self._started = True
        self._changed(self.pids)
        self._keepers = [asyncio.create_task(self._keep(name)) for name in self._children]

    async def stop(self) -> None:
        """Stop every child in reverse order; those of one turn together. Bounded by their deadlines."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for turn in sorted(set(self._turns.values())):
            names = [name for name in self._children if self._turns[name] == turn]
            await asyncio.gather(*(self._children.pop(name).stopped() for name in names))

    async def _reach(self, each: Part | Errand, done: Mapping[str, asyncio.Event], shown: StartUp) -> None:
        for name in each.after:
            await done[name].wait()
        shown.told(each.name, "starting")
        match each:
            case Part():
                command = await in_thread(
                    lambda: each.prepare(lambda what, far, end: shown.told(each.name, what, far, end))
                )
                shown.told(each.name, "starting")
                self._turns[each.name] = each.stops
                await self._spawn(each.name, command).ready()
            case Errand():
                await each.do()
        shown.ready(each.name)
        done[each.name].set()

    def _spawn(self, name: str, command: Command) -> Child:
        child = self._children[name] = Child(command)
        if self._started:
            self._changed(self.pids)
        return child

    async def _keep(self, name: str) -> None:
        deaths = 0
        while True:
            child, since = self._children[name], time.monotonic()
            code = await child.ended()
            deaths = 1 if time.monotonic() - since > _LIVED_WELL_S else deaths + 1
            pause_s = RESTART_AFTER_S[min(deaths, len(RESTART_AFTER_S)) - 1]
            self._say(
                f"{name} ended with {ending(code)}; starting it again in {pause_s:g} s (log: {child.command.log})"
            )
            await asyncio.sleep(pause_s)
            try:
                await self._spawn(name, child.command).ready()
                self._say(f"{name} is ready again")
            except CannotStart as error:
                self._say(str(error))
            except OSError as error:
                # A full disk, say: it may have room by the time of the next death.
                self._say(f"{name}: {error}")


async def in_thread(work: Callable[[], Made]) -> Made:
    """Run blocking work in a thread that never holds up our end: a download need not be waited for after Ctrl-C."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Made] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001,RUF100 - it is raised where it is awaited
            _tell(loop, made, made.set_exception, error)
        else:
            _tell(loop, made, made.set_result, result)

    threading.Thread(target=run, daemon=True).start()
    return await made


def _tell(
    loop: asyncio.AbstractEventLoop, made: "asyncio.Future[Made]", tell: Callable[..., None], what: object
) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if made.done() else tell(what))
    except RuntimeError:
        # The loop has ended, and with it whoever waited.
        pass
