"""The output and the error file of a batch: written in one pass over its input, whole or not at all.

Both follow from the input and from what the log holds of its jobs, or the store of its parts. So whoever dies on the
way leaves nothing, or one file of the two; the next one writes what is missing, and each line is in one of them. Of two
who each believe the batch to be theirs, the one whose lease is gone writes and tells of nothing.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from gateway.batches.asking import line_key
from gateway.batches.holding import Held
from gateway.batches.lines import Line, grouped
from gateway.batches.outputs import Tally, Told, told_id
from gateway.batches.parts import KEPT_AFTER_MS
from gateway.batches.retelling import id_of, told_in
from gateway.files.store import FileStore, NotStored, Sink
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

    def left(self, line: Line) -> Told:
        """What is told of a line that is left over."""
        ...


@dataclass
class BatchFiles:
    """How many lines came to what, and the size of each file that they make."""

    tally: Tally = field(default_factory=Tally)
    sizes_bytes: dict[_Which, int] = field(default_factory=dict)
    kept: dict[_Which, set[str]] = field(default_factory=dict)
    """The files that were kept before, and the ids of the lines in each."""

    def count(self, which: _Which, told: Told) -> None:
        """One more line in this file."""
        self.tally.count(told)
        self.sizes_bytes[which] = self.sizes_bytes.get(which, 0) + len(told.text)

    def place(self, told: Told, told_id: str) -> _Which | None:
        """Which file a line goes into: none where it is in one that was kept, and none into such a one."""
        if any(told_id in each for each in self.kept.values()):
            return None
        its, other = _BOTH if told.kind == "answer" else reversed(_BOTH)
        return next((each for each in (its, other) if each not in self.kept), None)


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
        written = BatchFiles()
        for which in _BOTH:
            # Whoever died before the batch's end may have kept one: the first in the log counts, with its lines.
            if await self._files.read(self._id(which)):
                await self._read(which, written)
        await self._write(lines, telling, written)
        for which in _BOTH:
            if which in written.sizes_bytes and which not in written.kept:
                await self._keep(which, written.sizes_bytes[which])
        return written

    async def _read(self, which: _Which, written: BatchFiles) -> None:
        try:
            opened = await self._store.open(self._id(which))
        except NotStored:
            return  # its bytes were lost: it is written anew
        written.kept[which] = set()
        async for told in told_in(opened.pieces):
            written.count(which, told)
            written.kept[which].add(id_of(told))

    async def _write(self, lines: AsyncIterator[Line], telling: Telling, written: BatchFiles) -> None:
        sinks = dict[_Which, Sink]()
        async with AsyncExitStack() as files, aclosing(grouped(lines, _AT_ONCE)) as groups:
            async for some in groups:
                for line, found in zip(some, await telling.told(some), strict=True):
                    which = written.place(found, told_id(line_key(self._held.batch.id, line.number)))
                    if which is None:
                        continue
                    # An answer that came once the output was kept is as late as one that came once both were.
                    told = telling.left(line) if which == "error" and found.kind == "answer" else found
                    written.count(which, told)
                    if which not in sinks:
                        sinks[which] = await files.enter_async_context(self._store.writing(self._id(which)))
                    await sinks[which].write(told.text)
            await self._held.look()  # before they take the place of what another may have written meanwhile

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
