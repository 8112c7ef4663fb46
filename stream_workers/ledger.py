"""Which offsets of a partition are delivered and not yet acknowledged: pure book-keeping for the transport.

Acknowledgements come in any order; what may be committed is the lowest offset that still waits for its own.
"""

import heapq


class Ledger:
    """One partition. Holds a strong reference to each message that is not acknowledged, so that none is forgotten."""

    def __init__(self) -> None:
        self._waiting: dict[int, object] = {}
        self._lowest_first: list[int] = []
        self._next: int | None = None

    def deliver(self, offset: int, message: object) -> None:
        """Note a delivery; the same offset may come again (after a seek back), then it waits again."""
        if offset not in self._waiting:
            heapq.heappush(self._lowest_first, offset)
        self._waiting[offset] = message
        if self._next is None or offset >= self._next:
            self._next = offset + 1

    def acknowledge(self, offset: int) -> bool:
        """Note that the record of this offset is done; False when it was not waiting."""
        return self._waiting.pop(offset, None) is not None

    @property
    def committable(self) -> int | None:
        """The offset to commit: the lowest that waits, else the one after the last delivered, None before the first."""
        lowest = self._lowest()
        return self._next if lowest is None else lowest

    def behind(self, end: int) -> int:
        """How many records are not done, in a log that ends before this offset."""
        return len(self) + (0 if self._next is None else max(0, end - self._next))

    @property
    def spread(self) -> int:
        """How far the deliveries run past the lowest offset that waits."""
        lowest = self._lowest()
        return 0 if lowest is None or self._next is None else self._next - lowest

    def __len__(self) -> int:
        return len(self._waiting)

    def _lowest(self) -> int | None:
        heap = self._lowest_first
        while heap and heap[0] not in self._waiting:
            heapq.heappop(heap)
        return heap[0] if heap else None
