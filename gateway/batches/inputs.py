"""The input of a batch: its lines from any of them on, also where the file was lost since they were checked."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from gateway.batches.holding import Held
from gateway.batches.lines import Line, lines, lost
from gateway.files.store import FileStore, NotStored
from producers.batches.store import Progress

FROM_THE_START: Final = Progress()


class Input:
    """What one batch reads."""

    def __init__(self, held: Held, store: FileStore) -> None:
        self._held = held
        self._store = store
        self.is_lost = False

    async def lines(self, begun: Progress = FROM_THE_START) -> AsyncGenerator[Line, None]:
        """Its lines; where it was lost since it was checked, their numbers: jobs are known by those.

        Raises:
            NotStored: it was lost before.
            Unavailable: the store does not answer.
        """
        batch, longest_bytes = self._held.batch, self._held.rules().longest_bytes
        pieces = self._store.read(batch.submitted.input_file_id, begun.offset_bytes)
        found = lines(pieces, longest_bytes, number=begun.line, offset_bytes=begun.offset_bytes)
        last: Line | None = None
        try:
            async with aclosing(found):
                async for last in found:
                    yield last
        except NotStored:
            if batch.validated is None:
                raise
            self.is_lost = True
            for each in lost(last, begun.line, batch.validated.lines):
                yield each
