"""What was told of a batch of embeddings so far: in parts, each of some lines, whole in the store or not at all.

Vectors stand nowhere but here, so a part is what a gateway that died leaves to the next. Where a part ends follows from
the input alone. It bears the number of its first line, so that whoever begins there writes the same part, or finds it.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterable

from gateway.batches import outputs
from gateway.batches.asking import custom_id_of, line_key
from gateway.batches.ends import Left, LineLeft
from gateway.batches.lines import Line
from gateway.batches.outputs import LineName, Told, told_of
from gateway.batches.retelling import id_of, told_in
from gateway.files.store import FileStore, NotStored
from producers.events import BatchSubmitted

LINES = 16
"""In a part, at most: so many are embedded once more at worst after a crash, and charged once more."""
INPUT_BYTES = 16 * 1024
"""Of the input in a part, before the last line of it: vectors are larger than their texts, and a part is in memory."""
KEPT_AFTER_MS = 86_400_000
"""How long what nobody took away outlives the time of its batch."""


class Part:
    """Lines of the input that follow one another, and what is told of each."""

    def __init__(self, batch_id: str, first: Line) -> None:
        self.name = part_name(batch_id, first.number)
        self.lines: list[Line] = [first]
        self.told: dict[int, Told] = {}

    @property
    def is_full(self) -> bool:
        """Whether the next line belongs to another part."""
        taken = sum(each.ends_bytes - each.begins_bytes for each in self.lines)
        return len(self.lines) >= LINES or taken >= INPUT_BYTES

    @property
    def open(self) -> list[Line]:
        """The lines of which nothing is told yet."""
        return [each for each in self.lines if each.number not in self.told]

    async def pieces(self) -> AsyncIterator[bytes]:
        """What is told of all of them, in their order."""
        for each in self.lines:
            yield self.told[each.number].text


def part_name(batch_id: str, number: int) -> str:
    """In the store, the part that begins with this line."""
    return f"{batch_id}-{number:06}"


async def read(store: FileStore, name: str) -> list[Told]:
    """What a part tells.

    Raises:
        NotStored: there is none.
        Unavailable: the store does not answer.
    """
    return [each async for each in told_in(store.read(name))]


class PartsTold:
    """Tells of each line what the parts say, or that it is left over."""

    def __init__(self, batch: BatchSubmitted, store: FileStore, left: Left) -> None:
        self._batch_id = batch.batch_id
        self._store = store
        self._left = left
        self._part: deque[Told] = deque()
        self._goes_on = True
        self.read: list[str] = []
        """The names of the parts that were there."""

    async def told(self, lines: Iterable[Line]) -> list[Told]:
        """What is told of the next lines, in their order.

        Raises:
            Unavailable: the store does not answer.
        """
        return [await self._told(each) for each in lines]

    async def _told(self, line: Line) -> Told:
        key = line_key(self._batch_id, line.number)
        if not self._part and self._goes_on:
            await self._open(part_name(self._batch_id, line.number), is_lost=line.is_lost)
        if self._part and id_of(self._part[0]) == outputs.told_id(key):
            return self._part.popleft()
        return self.left(line)

    def left(self, line: Line) -> Told:
        """What is told of a line that is left over."""
        name = LineName(line_key(self._batch_id, line.number), custom_id_of(line), "")
        return told_of(name, LineLeft(self._left))

    async def _open(self, name: str, *, is_lost: bool) -> None:
        try:
            self._part.extend(await read(self._store, name))
            self.read.append(name)
        except NotStored:
            self._goes_on = is_lost  # of a lost input nobody knows which lines were blank
