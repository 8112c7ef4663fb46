"""Whose turn it is at the embedding server: who waits for an answer goes first, batches have what is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PATIENCE_S = 1.0
"""So long a batch gives way before one request of its own: it must end within a day, however busy the server is."""


class Turns:
    """Of requests aside never more than so many are under way, and none begins beside others, if it can wait."""

    def __init__(self, most_aside: int, patience_s: float = PATIENCE_S) -> None:
        self._at_once = 0
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._aside = asyncio.Semaphore(most_aside)
        self._patience_s = patience_s

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[None]:
        """A request that somebody waits for."""
        self._at_once += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._at_once -= 1
            if not self._at_once:
                self._nobody.set()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """A request that may wait."""
        async with self._aside:
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._nobody.wait()
            except TimeoutError:
                pass
            yield
