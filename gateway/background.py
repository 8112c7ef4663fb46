"""Work that outlives its request: held so that it is not lost, and waited for at the end."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from infra.errors import HeadraceError

log = logging.getLogger(__name__)


GATHER_S = 0.02
"""How long what is not urgent waits for more of its kind."""


class Background:
    """Tasks that nobody awaits; what they raise is logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathered: list[tuple[str, Coroutine[Any, Any, object]]] = []

    def start(self, what: str, work: Coroutine[Any, Any, object]) -> None:
        """Begin a piece of work; `what` names it in the log if it fails."""
        task = asyncio.create_task(_logged(what, work), name=what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start_together(self, what: str, work: Coroutine[Any, Any, object]) -> None:
        """Begin it soon, in one turn with others: together they take fewer requests and round trips."""
        if not self._gathered:
            asyncio.get_running_loop().call_later(GATHER_S, self._start_gathered)
        self._gathered.append((what, work))

    def _start_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        for what, work in gathered:
            self.start(what, work)

    async def finish(self, within_s: float) -> None:
        """Wait for what is under way; cut off what takes longer."""
        self._start_gathered()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _logged(what: str, work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except HeadraceError as error:
        log.warning("%s: %s", what, error)
    except Exception:
        log.exception("%s failed", what)
