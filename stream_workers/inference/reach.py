"""Whether the model server can be reached: while it cannot, jobs wait in the queue; one task asks for its health."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

log = logging.getLogger(__name__)

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses before the server is asked for its health; the last one repeats."""
_JITTER = 0.25


class Reach:
    """One model server: `lost` it, `found` it; `there` waits for it.

    The pauses go on growing until an answer came of it: a server that calls itself healthy and is not is left alone.
    """

    def __init__(self, healthy: Callable[[], Awaitable[bool]], pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._healthy = healthy
        self._pauses_s = tuple(pauses_s)
        self._lost_for = 0
        self._is_there = asyncio.Event()
        self._is_there.set()
        self._asking: asyncio.Task[None] | None = None
        self.changed: Callable[[], None] = lambda: None
        """Called when it was lost, and when it is back."""

    @property
    def is_there(self) -> bool:
        """Whether it could be reached when it was last asked anything."""
        return self._is_there.is_set()

    async def there(self) -> None:
        """Wait until it can be reached, as far as we know."""
        await self._is_there.wait()

    def lost(self, why: str) -> None:
        """It could not be reached just now."""
        if self._is_there.is_set():
            log.warning("jobs wait for the model server: %s", why)
            self._is_there.clear()
            self.changed()
            self._asking = asyncio.create_task(self._ask(), name="the model server's health")

    def back(self) -> None:
        """It says that it is healthy."""
        log.info("the model server is back")
        self._is_there.set()
        self.changed()

    def found(self) -> None:
        """It has answered a prompt."""
        self._lost_for = 0

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> None:
        while True:
            pause_s = self._pauses_s[min(self._lost_for, len(self._pauses_s) - 1)]
            self._lost_for += 1
            await asyncio.sleep(pause_s * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 # spreads, guards nothing
            if await self._healthy():
                break
        self.back()
