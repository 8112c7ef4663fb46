"""The two kinds of batches: lines that become jobs, and lines of texts that are embedded on the spot.

A kind is chosen once, where a batch is taken up. It answers the lines, tells what became of each, and tidies up.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from gateway.batches.embedding import Bench, Embedding
from gateway.batches.ends import Left
from gateway.batches.filling import Desks, Filling
from gateway.batches.holding import Held
from gateway.batches.inputs import Input
from gateway.batches.parts import PartsTold
from gateway.batches.stopping import Stopping
from gateway.batches.telling import JobsTold

LAST_WORDS_S: Final = 30.0
"""How long jobs that were told to stop, or whose deadline has passed, are waited for."""


class JobLines:
    """Every line becomes a job."""

    def __init__(self, held: Held, input: Input, desks: Desks) -> None:
        self._held = held
        self._input = input
        self._desks = desks

    async def fill(self, room: Callable[[], int]) -> None:
        """Have the lines answered, as many at once as there is room for; stop what is under way if they are left.

        Raises:
            LeaseLost: the batch is another's.
            Unavailable: a part does not answer; whoever goes on begins at the place that was noted last.
        """
        held = self._held
        async with aclosing(self._input.lines(held.progress)) as lines:
            filling = Filling(held.batch.submitted, lines, held.progress, held.rules(), self._desks)
            await _follow(held, filling, room)
        if not filling.is_done:
            await self._stop()

    def telling(self, left: Left) -> JobsTold:
        """Who tells what became of the lines, if those that were not answered are left for this reason."""
        return JobsTold(self._held.batch.submitted, self._desks.scripts, self._held.rules(), left)

    async def tidy(self) -> None:
        """Jobs go by themselves."""

    async def _stop(self) -> None:
        """Cancel what is under way, by whomever it was handed in, and wait for it for a while."""
        stopping = Stopping(self._held.batch.id, self._desks)
        async with aclosing(self._input.lines(self._held.progress)) as lines:
            await stopping.find(lines, cancel=self._held.left == "cancelled")
        deadline_s = asyncio.get_running_loop().time() + LAST_WORDS_S
        await stopping.follow()
        while not stopping.is_done and asyncio.get_running_loop().time() < deadline_s:
            await self._held.pause()
            await stopping.follow()


class TextLines:
    """Every line holds texts; what is made of them lies in the store, part by part, until the output is there."""

    def __init__(self, held: Held, input: Input, bench: Bench) -> None:
        self._held = held
        self._input = input
        self._bench = bench
        self._parts: list[str] = []

    async def fill(self, room: Callable[[], int]) -> None:
        """Have the lines embedded, as many at once as there is room for.

        Raises:
            LeaseLost: the batch is another's.
            Unavailable: a part does not answer; whoever goes on begins at the place that was noted last.
        """
        held = self._held
        async with (
            aclosing(self._input.lines(held.progress)) as lines,
            aclosing(Embedding(held.batch, lines, held.progress, held.rules(), self._bench)) as embedding,
        ):
            await _follow(held, embedding, room)

    def telling(self, left: Left) -> PartsTold:
        """Who tells what became of the lines, if those that were not answered are left for this reason."""
        telling = PartsTold(self._held.batch.submitted, self._bench.store, left)
        self._parts = telling.read
        return telling

    async def tidy(self) -> None:
        """The output is there: have the parts taken away that it was made of.

        Raises:
            Unavailable: Redis does not answer; they go in their time.
        """
        for part in self._parts:
            await self._bench.files.doom(part, self._held.now_ms())


Kind = JobLines | TextLines


async def _follow(held: Held, work: Filling | Embedding, room: Callable[[], int]) -> None:
    while not work.is_done and held.left is None:
        await work.step(room())
        held.progress = work.progress
        await held.pause()
