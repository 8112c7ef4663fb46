"""The jobs of a batch that goes on no more: found by their ids, whoever handed them in, cancelled and waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from gateway.batches import standing
from gateway.batches.asking import job_id_of
from gateway.batches.filling import Desks
from gateway.batches.lines import Line, grouped

_AT_ONCE = 256
"""Lines asked for in one round trip."""


class Stopping:
    """Hands in nothing. Of all lines it holds but the ids of those jobs that have not ended."""

    def __init__(self, batch_id: str, desks: Desks) -> None:
        self._batch_id = batch_id
        self._desks = desks
        self._under_way: list[str] = []

    @property
    def is_done(self) -> bool:
        """Whether no job that was found is still to end."""
        return not self._under_way

    async def find(self, lines: AsyncIterator[Line], *, cancel: bool) -> None:
        """Find the jobs of these lines that are under way, and cancel them at once if they are to be cancelled.

        Raises:
            Unavailable: a part does not answer, or the view is not whole.
        """
        async with aclosing(grouped(lines, _AT_ONCE)) as groups:
            async for some in groups:
                found = await self._open([job_id_of(self._batch_id, line.number) for line in some])
                if cancel:
                    await asyncio.gather(*map(self._desks.jobs.cancel_unwanted, found))
                self._under_way += found

    async def follow(self) -> None:
        """See which of them have ended.

        Raises:
            Unavailable: Redis does not answer, or its view is not whole.
        """
        self._under_way = await self._open(self._under_way)

    async def _open(self, jobs: list[str]) -> list[str]:
        stands = await standing.look(self._desks.scripts, jobs)
        return [job for job, each in zip(jobs, stands, strict=True) if each in ("accepting", "under way")]
