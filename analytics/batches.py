"""Records of one partition that are written together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from analytics.rows import Row, UndecodableRow
from analytics.settings import AnalyticsSettings
from analytics.tables import Source


@dataclass
class Batch:
    """Rows of consecutive records of one partition, in their order."""

    source: Source
    topic: str
    partition: int
    opened_s: float
    rows: list[Row] = field(default_factory=list)
    undecodable: list[UndecodableRow] = field(default_factory=list)
    size_bytes: int = 0
    last_offset: int = -1

    @property
    def token(self) -> str:
        """The name under which ClickHouse knows these rows again when they are sent twice."""
        return self._token(self.rows)

    @property
    def token_of_undecodable(self) -> str:
        """The same for those that no table of events holds."""
        return self._token(self.undecodable)

    def _token(self, rows: Sequence[Row]) -> str:
        return f"{self.topic}-{self.partition}-{rows[0].offset}-{rows[-1].offset}"

    def add(self, row: Row, size_bytes: int) -> None:
        """One record more."""
        if isinstance(row, UndecodableRow):
            self.undecodable.append(row)
        else:
            self.rows.append(row)
        self.size_bytes += size_bytes
        self.last_offset = row.offset

    def is_due(self, now_s: float, settings: AnalyticsSettings) -> bool:
        """Whether it is full, or has waited long enough."""
        return (
            len(self.rows) + len(self.undecodable) >= settings.batch_rows
            or self.size_bytes >= settings.batch_bytes
            or now_s - self.opened_s >= settings.batch_age_s
        )
