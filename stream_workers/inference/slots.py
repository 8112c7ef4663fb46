"""Slots for generations: bounded, and given to the more urgent lane first."""

import asyncio
from collections import deque

from producers.events import LANES, Lane


class Slots:
    """So many at a time; who waits is served by lane, then in order of coming."""

    def __init__(self, count: int) -> None:
        self.size = self._free = count
        self.busy = 0
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in LANES}

    async def take(self, lane: Lane) -> None:
        """Wait for a slot; `release` it once."""
        if self._free:
            self._free -= 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[lane].append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._pass_on()
                raise
        self.busy += 1

    def release(self) -> None:
        """Give the slot back, to the next who waits."""
        self.busy -= 1
        self._pass_on()

    def _pass_on(self) -> None:
        for waiting in self._waiting.values():
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
