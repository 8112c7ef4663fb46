"""A number of places that may change while it is used; 0 means without bound."""

import asyncio
from collections import deque
from types import TracebackType


class Slots:
    """Use as `async with slots:`; those who wait are served in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, limit: int) -> None:
        """From now on so many."""
        self._limit = limit
        self._wake()

    async def __aenter__(self) -> None:
        if not self._full and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give()
            elif turn in self._waiting:  # it is not, where a place was given up in the same moment
                self._waiting.remove(turn)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give()

    @property
    def _full(self) -> bool:
        return 0 < self._limit <= self._taken

    def _give(self) -> None:
        self._taken -= 1
        self._wake()

    def _wake(self) -> None:
        """A place is handed over, not raced for: the one who waited longest has it before it runs."""
        while self._waiting and not self._full:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
