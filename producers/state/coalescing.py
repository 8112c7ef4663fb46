"""Calls asked for while a batch is under way gather, and travel together as the next one: one round trip for many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

MOST_CALLS = 64
"""Calls in one batch: what one time-out or one lost connection can put in doubt."""
MOST_BYTES = 1 << 20
"""What the calls of one batch weigh together, but for one that is heavier alone: it must not time others out."""


class Coalescing(Generic[Item]):
    """Gathers calls into batches, one under way; `send` gives for each call its answer, or its error as a value.

    More than one at a time would only make them smaller: what a batch costs us is mostly the round trip itself.
    """

    def __init__(
        self, send: Callable[[Sequence[Item]], Awaitable[list[Any]]], size_bytes: Callable[[Item], int]
    ) -> None:
        self._send = send
        self._size_bytes = size_bytes
        self._waiting: list[tuple[Item, asyncio.Future[Any]]] = []
        self._batch: asyncio.Task[None] | None = None

    async def ask(self, call: Item) -> Any:
        """The answer to one call; raises its own error, or that of the batch it travelled in.

        Who gives up waiting takes nothing back: the call goes on with the others of its batch.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, answer))
        self._plan()
        return await answer

    def _plan(self) -> None:
        """Set out in the next turn, so that what is asked for in this one comes along."""
        if self._waiting and self._batch is None:
            self._batch = asyncio.create_task(self._travel())
            self._batch.add_done_callback(self._come_back)

    def _room(self) -> int:
        """How many of those that wait travel together: one at least."""
        size_bytes = 0
        for many, (call, _) in enumerate(self._waiting[:MOST_CALLS]):
            size_bytes += self._size_bytes(call)
            if many and size_bytes > MOST_BYTES:
                return many
        return MOST_CALLS

    def _come_back(self, _: asyncio.Task[None]) -> None:
        self._batch = None
        self._plan()

    async def _travel(self) -> None:
        many = self._room()
        batch, self._waiting = self._waiting[:many], self._waiting[many:]
        try:
            answers = await self._send([call for call, _ in batch])
        except asyncio.CancelledError:
            for _, answer in batch:
                answer.cancel()
            raise
        except Exception as error:  # whatever it is, it is the askers' to handle
            # Those who wait would only fail after another time-out, one batch after the other.
            batch, self._waiting = [*batch, *self._waiting], []
            answers = [error] * len(batch)
        for (_, answer), told in zip(batch, answers, strict=True):
            if answer.done():
                continue
            if isinstance(told, Exception):
                answer.set_exception(told)
            else:
                answer.set_result(told)
