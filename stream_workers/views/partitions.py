"""Which partitions a member of a view's group has, and how far it has read each; pure, the loop does what follows.

Each assignment is a generation of its own. What was begun under an earlier one says nothing of the partitions that
this member has now: it is ignored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from producers.state.positions import StoredPosition, field_of


class Partition(NamedTuple):
    """One partition of a topic by its name, without prefix."""

    topic: str
    number: int

    def __str__(self) -> str:
        """`topic:number`."""
        return field_of(*self)


@dataclass(frozen=True)
class Reading:
    """How far a partition was read, under one assignment and in one run of Redis.

    `expected` is the position that Redis must have, `next` the offset of the log that is read next: further on, where
    the records in between have expired. At `mark` the partition is whole.
    """

    partition: Partition
    generation: int
    expected: int
    next: int
    mark: int
    whole: bool
    run: str

    def agrees_with(self, stored: StoredPosition) -> bool:
        """Whether Redis still stands where it was left; if not, what it has is perhaps only in the log."""
        return (
            stored.position == self.expected
            and stored.run == self.run
            and (stored.whole or not self.whole)
        )  # fmt: skip


def opening(
    partition: Partition, generation: int, stored: StoredPosition, start: int, end: int, left: Reading | None = None
) -> Reading:
    """Where to read a partition from, whose log holds the offsets from `start` to before `end`.

    A log that is shorter than the view is another one than the view has read: it is read from its start. What was whole
    in this run of Redis has lost nothing, however far the log went on without a member; unless it stands before where
    this member `left` it.
    """
    expected = stored.position if stored.position <= end else 0
    following = max(expected, start)
    lost = expected < max(stored.position, left.expected if left else 0)
    whole = following >= end or (stored.whole and not lost)
    return Reading(partition, generation, expected, following, end, whole, stored.run)


class Partitions:
    """The partitions that this member has: some to be opened, the others open."""

    def __init__(self) -> None:
        self.generation = 0
        self._joined = False
        self._unopened: set[Partition] = set()
        self._open: dict[Partition, Reading] = {}
        """Those to be opened again, too: so long nobody knows better how far they were read."""

    @property
    def unopened(self) -> list[Partition]:
        """Those to be opened, before any of their records is applied."""
        return sorted(self._unopened)

    @property
    def known(self) -> list[Partition]:
        """Those of which is known how far they were read."""
        return list(self._open)

    def left(self, partition: Partition) -> Reading | None:
        """How far it was read last under this assignment."""
        return self._open.get(partition)

    @property
    def readings(self) -> list[Reading]:
        """Those that are open."""
        return [reading for partition, reading in self._open.items() if partition not in self._unopened]

    @property
    def opened_all(self) -> bool:
        """Whether this member was given its partitions, if any, and has opened each."""
        return self._joined and not self._unopened

    @property
    def whole(self) -> bool:
        """Whether it has also read each up to its mark."""
        return self.opened_all and all(each.whole for each in self._open.values())

    def assigned(self, partitions: Iterable[Partition]) -> None:
        """These are this member's now, and no others."""
        self.revoked()
        self._unopened = set(partitions)
        self._joined = True

    def revoked(self) -> None:
        """All are gone: a rebalance begins, or this member leaves."""
        self.generation += 1
        self._joined = False
        self._unopened.clear()
        self._open.clear()

    def opened(self, reading: Reading) -> bool:
        """A partition may be read from there; false where that is of an earlier assignment."""
        if reading.generation != self.generation:
            return False
        self._open[reading.partition] = reading
        self._unopened.discard(reading.partition)
        return True

    def applied(self, reading: Reading, upto: int) -> None:
        """All records before this offset are in the view."""
        if reading.generation == self.generation:
            whole = reading.whole or upto >= reading.mark
            self._open[reading.partition] = replace(reading, expected=upto, next=upto, whole=whole)

    def reread(self, reading: Reading) -> None:
        """Redis does not stand where it was left: the partition is to be opened again."""
        if reading.generation == self.generation:
            self._unopened.add(reading.partition)

    def reread_all(self) -> None:
        """Nobody knows where Redis stands."""
        self._unopened |= self._open.keys()

    def read_up(self, ends: Mapping[Partition, int]) -> frozenset[Partition]:
        """Those that were read up to their ends; of one whose end is not told nobody knows."""
        return frozenset(
            each.partition for each in self.readings if each.partition in ends and each.next >= ends[each.partition]
        )

    def caught_up(self, ends: Mapping[Partition, int]) -> bool:
        """Whether each partition was read up to its end; a member without partitions cannot know."""
        return self.whole and bool(self._open) and self._open.keys() == self.read_up(ends)

    def behind(self, ends: Mapping[Partition, int]) -> dict[str, int]:
        """By topic, how many records the log holds that were not read."""
        found: dict[str, int] = {}
        for partition, reading in self._open.items():
            left = max(0, ends.get(partition, 0) - reading.next)
            found[partition.topic] = found.get(partition.topic, 0) + left
        return found
