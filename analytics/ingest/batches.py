"""Records of one topic that are written together."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from analytics.ingest.tables import Source
from analytics.rows import Row, UndecodableRow
from analytics.settings import AnalyticsSettings


@dataclass
class Range:
    """Offsets of one partition, from the first to the last, and the broker's time of the first."""

    first: int
    first_ms: float
    last: int


@dataclass
class Batch:
    """Rows of one topic; those of each of its partitions are consecutive and in their order.

    All of them go to one partition of the table: ClickHouse writes such rows whole or not at all, so that an ingest
    that dies leaves no gap below the greatest offset that is written.
    """

    source: Source
    topic: str
    opened_s: float
    rows: list[Row] = field(default_factory=list)
    undecodable: list[UndecodableRow] = field(default_factory=list)
    size_bytes: int = 0
    last_offsets: dict[int, int] = field(default_factory=dict)
    _ranges: dict[int, Range] = field(default_factory=dict)
    _undecodable_ranges: dict[int, Range] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """The name under which ClickHouse knows these rows again when they are sent twice.

        Offsets alone would not do: in a Kafka that was made anew they begin again, and the time is then another.
        """
        return self._token(self._ranges)

    @property
    def token_of_undecodable(self) -> str:
        """The same for those that no table of events holds."""
        return self._token(self._undecodable_ranges)

    def _token(self, ranges: Mapping[int, Range]) -> str:
        told = (f"{each}:{its.first}@{its.first_ms:.0f}-{its.last}" for each, its in sorted(ranges.items()))
        return f"{self.topic}-" + ",".join(told)

    def takes(self, row: Row) -> bool:
        """Whether the row may be written together with the others."""
        if not self.rows or isinstance(row, UndecodableRow):
            return True
        return bool(self.source.part_of(row) == self.source.part_of(self.rows[0]))

    def add(self, row: Row, size_bytes: int, timestamp_ms: float) -> None:
        """One record more; `timestamp_ms` is the broker's time of it."""
        if isinstance(row, UndecodableRow):
            self.undecodable.append(row)
            ranges = self._undecodable_ranges
        else:
            self.rows.append(row)
            ranges = self._ranges
        ranges.setdefault(row.partition, Range(row.offset, timestamp_ms, row.offset)).last = row.offset
        self.size_bytes += size_bytes
        self.last_offsets[row.partition] = row.offset

    def is_due(self, now_s: float, settings: AnalyticsSettings) -> bool:
        """Whether it is full, or has waited long enough."""
        return (
            len(self.rows) + len(self.undecodable) >= settings.batch_rows
            or self.size_bytes >= settings.batch_bytes
            or now_s - self.opened_s >= settings.batch_age_s
        )
