"""Records of one topic that are written together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from analytics.rows import Row, UndecodableRow
from analytics.settings import AnalyticsSettings
from analytics.tables import Source


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

    @property
    def token(self) -> str:
        """The name under which ClickHouse knows these rows again when they are sent twice."""
        return self._token(self.rows)

    @property
    def token_of_undecodable(self) -> str:
        """The same for those that no table of events holds."""
        return self._token(self.undecodable)

    def _token(self, rows: Sequence[Row]) -> str:
        ranges: dict[int, tuple[int, int]] = {}
        for row in rows:
            first, _ = ranges.get(row.partition, (row.offset, 0))
            ranges[row.partition] = first, row.offset
        return f"{self.topic}-" + ",".join(f"{each}:{first}-{last}" for each, (first, last) in sorted(ranges.items()))

    def takes(self, row: Row) -> bool:
        """Whether the row may be written together with the others."""
        if not self.rows or isinstance(row, UndecodableRow):
            return True
        return bool(self.source.part_of(row) == self.source.part_of(self.rows[0]))

    def add(self, row: Row, size_bytes: int) -> None:
        """One record more."""
        if isinstance(row, UndecodableRow):
            self.undecodable.append(row)
        else:
            self.rows.append(row)
        self.size_bytes += size_bytes
        self.last_offsets[row.partition] = row.offset

    def is_due(self, now_s: float, settings: AnalyticsSettings) -> bool:
        """Whether it is full, or has waited long enough."""
        return (
            len(self.rows) + len(self.undecodable) >= settings.batch_rows
            or self.size_bytes >= settings.batch_bytes
            or now_s - self.opened_s >= settings.batch_age_s
        )
