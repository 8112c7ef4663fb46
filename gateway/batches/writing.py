"""The output and the error file of a batch: written in one pass over its input, whole or not at all.

Both follow from the input and from what the log holds of its jobs, or the store of its parts. So whoever dies on the
way leaves nothing, and the next one writes the same. Of two who each believe the batch to be theirs, the one whose
lease is gone writes and tells of nothing.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from gateway.batches.holding import Held
from gateway.batches.lines import Line, grouped
from gateway.batches.outputs import Tally, Told
from gateway.batches.parts import KEPT_AFTER_MS
from gateway.files.store import FileStore, Sink
from producers.events import FileStored
from producers.files.store import LONGEST_LIFE_S, Files, derived_file_id
from producers.log.topics import FILES

_AT_ONCE = 20
"""Endings read in one round trip; each holds a prompt and its answer."""
_Which = Literal["output", "error"]
_BOTH: Final[tuple[_Which, ...]] = ("output", "error")


def output_file_id(batch_id: str) -> str:
    """The file of the answers."""
    return _file_id(batch_id, "output")


def error_file_id(batch_id: str) -> str:
    """The file of what was not answered."""
    return _file_id(batch_id, "error")


def _file_id(batch_id: str, which: _Which) -> str:
    return derived_file_id(f"{batch_id}/{which}")


class Telling(Protocol):
    """Knows what became of lines."""

    async def told(self, lines: Sequence[Line]) -> list[Told]:
        """What is told of the next lines, in their order."""
        ...


@dataclass
class BatchFiles:
    """How many lines came to what, and the size of each file that they make."""

    tally: Tally = field(default_factory=Tally)
    sizes_bytes: dict[_Which, int] = field(default_factory=dict)

    def count(self, told: Told) -> _Which:
        """One more line, and which file it is in."""
        which: _Which = "output" if told.kind == "answer" else "error"
        self.tally.count(told)
        self.sizes_bytes[which] = self.sizes_bytes.get(which, 0) + len(told.text)
        return which


class Outputs:
    """Both files of one batch: what nobody keeps goes in time, what was kept stays as it is."""

    def __init__(self, held: Held, store: FileStore, files: Files) -> None:
        self._held = held
        self._store = store
        self._files = files

    def name(self, which: _Which, of: BatchFiles) -> str | None:
        """The id of a file; None where no line is in it."""
        return self._id(which) if which in of.sizes_bytes else None

    async def write(self, lines: AsyncIterator[Line], telling: Telling) -> BatchFiles:
        """Write both and tell of them, but for what was told of before.

        Raises:
            LeaseLost: the batch is another's; what was begun is not there.
            Unavailable: a part does not answer, or the view is not whole; whoever goes on writes the same.
        """
        await self._doom()
        # Whoever died before the batch's end may have kept one, maybe with other words: the first in the log counts.
        kept = {each for each in _BOTH if await self._files.read(self._id(each))}
        written = await self._write(lines, telling, kept)
        for which in written.sizes_bytes.keys() - kept:
            await self._keep(which, written.sizes_bytes[which])
        return written

    async def _write(self, lines: AsyncIterator[Line], telling: Telling, kept: set[_Which]) -> BatchFiles:
        written, sinks = BatchFiles(), dict[_Which, Sink]()
        async with AsyncExitStack() as files, aclosing(grouped(lines, _AT_ONCE)) as groups:
            async for some in groups:
                for told in await telling.told(some):
                    which = written.count(told)
                    if which in kept:
                        continue
                    if which not in sinks:
                        sinks[which] = await files.enter_async_context(self._store.writing(self._id(which)))
                    await sinks[which].write(told.text)
            await self._held.look()  # before they take the place of what another may have written meanwhile
        return written

    async def _doom(self) -> None:
        """What nobody keeps in the end goes a day after the batch's time, as its parts do."""
        at_ms = max(self._held.batch.submitted.expires_ms, self._held.now_ms()) + KEPT_AFTER_MS
        for which in _BOTH:
            await self._files.doom(self._id(which), at_ms, unless_known=True)

    async def _keep(self, which: _Which, size_bytes: int) -> None:
        who, now_ms = self._held.batch.submitted, self._held.now_ms()
        life_s = who.output_ttl_s or LONGEST_LIFE_S
        event = FileStored(
            file_id=self._id(which), tenant=who.tenant, filename=f"{who.batch_id}_{which}.jsonl",
            size_bytes=size_bytes, purpose="batch_output", expires_ms=now_ms + life_s * 1000, at_ms=now_ms,
        )  # fmt: skip
        written = await self._held.publish(FILES, event.file_id, event)
        await self._files.keep(event, written.offset)

    def _id(self, which: _Which) -> str:
        return _file_id(self._held.batch.id, which)
