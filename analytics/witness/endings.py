"""How ClickHouse counts the ends of jobs, row for row as they come."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from analytics.reports.questions import bare
from analytics.reports.reader import SETTINGS
from analytics.rows.cells import instant
from infra import clickhouse, stack_file
from infra.settings import ClickHouseSettings, LocalSettings
from producers.auditing.ledger import Span
from producers.auditing.statements import RowShown
from producers.auditing.witnesses import Asked

_SQL: Final = bare((Path(__file__).parent / "endings.sql").read_text())
_LAST_MS: Final = 4_102_444_799_000.0
_AT_ONCE: Final = 5_000


def testify(asked: Asked) -> Iterator[RowShown]:
    """Every end that the reports would count.

    Raises:
        Unavailable: ClickHouse refused or does not answer.
        WrongSetting: no address is given.
    """
    settings = stack_file.addressed(ClickHouseSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    return rows(settings, asked.span)


def rows(settings: ClickHouseSettings, span: Span) -> Iterator[RowShown]:
    """The rows of the jobs of a span.

    Raises:
        Unavailable: ClickHouse refused or does not answer.
    """
    client = clickhouse.client(settings)
    try:
        for row in client.execute_iter(_SQL, _bounds(span), settings=SETTINGS | {"max_block_size": _AT_ONCE}):
            yield RowShown(*row)
    except clickhouse.FAILURES as error:
        raise clickhouse.unavailable(error) from None
    finally:
        client.disconnect()


def _bounds(span: Span) -> dict[str, Any]:
    """The span in the whole milliseconds that the table has."""
    return {"from_s": instant(span.from_ms) / 1000, "to_s": instant(min(span.to_ms, _LAST_MS)) / 1000}
