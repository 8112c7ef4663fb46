"""Calls made in the same turn of the loop, or while enough batches are under way, travel together: one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Asked = TypeVar("Asked")

MOST_CALLS = 64
"""Calls in one batch: what one time-out or one lost connection can put in doubt."""
MOST_BATCHES = 4
"""Batches under way at once, each on a connection of its own; what comes meanwhile gathers."""


class Coalescing(Generic[Asked]):
    """Gathers calls into batches; `send` gives for each call of a batch its answer, or its error as a value."""

    def __init__(self, send: Callable[[Sequence[Asked]], Awaitable[list[Any]]]) -> None:
        self._send = send
        self._waiting: list[tuple[Asked, asyncio.Future[Any]]] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._planned = False

    async def ask(self, call: Asked) -> Any:
        """The answer to one call; raises its own error, or that of the batch it travelled in.

        Who gives up waiting takes nothing back: the call goes on with the others of its batch.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, answer))
        self._plan()
        return await answer

    def _plan(self) -> None:
        """Set out at the end of this turn, so that others of the same turn come along."""
        if not self._planned and self._waiting and len(self._batches) < MOST_BATCHES:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._set_out)

    def _set_out(self) -> None:
        self._planned = False
        while self._waiting and len(self._batches) < MOST_BATCHES:
            batch, self._waiting = self._waiting[:MOST_CALLS], self._waiting[MOST_CALLS:]
            task = asyncio.create_task(self._travel(batch))
            self._batches.add(task)
            task.add_done_callback(self._come_back)

    def _come_back(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._plan()

    async def _travel(self, batch: list[tuple[Asked, asyncio.Future[Any]]]) -> None:
        try:
            answers = await self._send([call for call, _ in batch])
        except asyncio.CancelledError:
            for _, answer in batch:
                answer.cancel()
            raise
        except Exception as error:  # whatever it is, it is the askers' to handle
            answers = [error] * len(batch)
        for (_, answer), told in zip(batch, answers, strict=True):
            if answer.done():
                continue
            if isinstance(told, Exception):
                answer.set_exception(told)
            else:
                answer.set_result(told)
