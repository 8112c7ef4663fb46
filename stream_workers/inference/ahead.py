"""What is asked of the model server while a prompt is still being claimed: its text under the template, its length.

That occupies no GPU. Where the claim is refused it was in vain: so only the first claim of a delivery is accompanied.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from stream_workers.inference.fleet import Seat
from stream_workers.inference.parameters import Limits
from stream_workers.inference.prompting import Prompting
from stream_workers.inference.trouble import Trouble


@dataclass(frozen=True)
class Prepared:
    """A prompt, and what the model server takes."""

    limits: Limits
    prompting: Prompting
    seat: Seat


class Ahead:
    """Prepares one prompt in a task of its own: `begin` it, then take it once, or `stop` it.

    It keeps the prompt's seat from its beginning to its end.
    """

    def __init__(self, prepare: Callable[[Seat], Coroutine[None, None, Prepared | Trouble]] | None = None) -> None:
        self._prepare = prepare
        self._task: asyncio.Task[Prepared | Trouble] | None = None
        self.seat: Seat | None = None

    def begin(self, seat: Seat) -> None:
        """Set out for this seat's server, if there is anything to prepare."""
        self.seat = seat
        if self._prepare is not None:
            self._task = asyncio.create_task(self._prepare(seat))

    async def take(self) -> Prepared | Trouble | None:
        """What was prepared, once; None where nothing was."""
        task, self._task = self._task, None
        return None if task is None else await task

    def leave(self) -> None:
        """The prompt's seat is free."""
        if self.seat is not None:
            self.seat.leave()
            self.seat = None

    def stop(self) -> None:
        """Nobody will take it, and its seat is free."""
        self.leave()
        if self._task is not None:
            self._task.cancel()
