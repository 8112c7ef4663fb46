"""Work that outlives its request: held so that it is not lost, and waited for at the end."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from infra.errors import HeadraceError

log = logging.getLogger(__name__)


class Background:
    """Tasks that nobody awaits; what they raise is logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, what: str, work: Coroutine[Any, Any, object]) -> None:
        """Begin a piece of work; `what` names it in the log if it fails."""
        task = asyncio.create_task(_logged(what, work), name=what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, within_s: float) -> None:
        """Wait for what is under way; cut off what takes longer."""
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
