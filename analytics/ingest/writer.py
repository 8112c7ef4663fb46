"""Writes rows to ClickHouse, and tells how far a topic is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from analytics.ingest.tables import UNDECODABLE, Table
from analytics.rows import Row
from infra import clickhouse
from infra.settings import ClickHouseSettings

# 1 is the default since 26.x, and would acknowledge rows that are only in memory.
_SYNCHRONOUS = {"async_insert": 0}
_NEXT_OFFSETS = """
SELECT partition, max(offset) + 1
FROM
(
    SELECT partition, offset FROM {table} WHERE topic = %(topic)s
    UNION ALL
    SELECT partition, offset FROM {undecodable} WHERE topic = %(topic)s
)
GROUP BY partition
"""


class Writer:
    """One thread's way into ClickHouse."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._client = clickhouse.client(settings)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()

    def insert(self, table: Table, rows: Sequence[Row], token: str) -> None:
        """Write rows, column by column; the same token again writes nothing.

        Raises:
            Unavailable: ClickHouse refused or did not answer; the rows may be written all the same.
        """
        columns = [list(column) for column in zip(*rows, strict=True)]
        settings = {**_SYNCHRONOUS, "insert_deduplication_token": token}
        self._execute(table.insert, columns, columnar=True, settings=settings)

    def next_offsets(self, table: Table, topic: str) -> Mapping[int, int]:
        """By partition, the offset after the last that the table, or the table of what cannot be decoded, knows.

        Raises:
            Unavailable: ClickHouse refused or did not answer.
        """
        found = self._execute(_NEXT_OFFSETS.format(table=table.name, undecodable=UNDECODABLE.name), {"topic": topic})
        return dict(found)

    def _execute(self, *args: Any, **options: Any) -> Any:
        try:
            return self._client.execute(*args, **options)
        except clickhouse.FAILURES as error:
            self._client.disconnect()
            raise clickhouse.unavailable(error) from None
