"""Slots for generations: bounded, and given to the more urgent lane first; some are never the batch lane's."""

import asyncio
from collections import deque

from producers.events import LANES, Lane


class Slots:
    """So many at a time, of them `most_batch` for the batch lane; who waits is served by lane, then in order of coming.

    What the batch lane may not take is there for whoever comes: a batch has only what is left over.
    """

    def __init__(self, count: int, most_batch: int | None = None) -> None:
        self.size = self._free = count
        self._most_batch = self._batch_left = count if most_batch is None else min(most_batch, count)
        self._share = self._most_batch / count
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in LANES}

    @property
    def busy(self) -> int:
        """How many are taken."""
        return self.size - self._free

    def resize(self, count: int) -> None:
        """From now on so many, the batch lane's share of them as before; who has one keeps it."""
        if count == self.size:
            return
        most_batch = min(count, max(1, round(count * self._share)))
        self._free += count - self.size
        self._batch_left += most_batch - self._most_batch
        self.size, self._most_batch = count, most_batch
        self._serve()

    async def take(self, lane: Lane) -> None:
        """Wait for a slot; `release` it once."""
        if self._has_one_for(lane):
            self._give(lane)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(lane)
            raise

    def release(self, lane: Lane) -> None:
        """Give the slot back, to the next who waits."""
        self._free += 1
        self._batch_left += lane == "batch"
        self._serve()

    def _serve(self) -> None:
        for next_lane, waiting in self._waiting.items():
            while waiting and self._has_one_for(next_lane):
                turn = waiting.popleft()
                if not turn.done():
                    self._give(next_lane)
                    turn.set_result(None)

    def _has_one_for(self, lane: Lane) -> bool:
        return self._free > 0 and (lane != "batch" or self._batch_left > 0)

    def _give(self, lane: Lane) -> None:
        self._free -= 1
        self._batch_left -= lane == "batch"
