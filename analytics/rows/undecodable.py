"""The table `undecodable`: records that are no event of ours."""

from typing import NamedTuple

from analytics.rows.cells import TimedPlace, instant


class UndecodableRow(NamedTuple):
    """A record that is no event of ours."""

    topic: str
    partition: int
    offset: int
    error: str
    at: int


def undecodable_row(error: str, origin: TimedPlace) -> UndecodableRow:
    """The row of a record that is no event of ours."""
    return UndecodableRow(*origin[:3], error=error, at=instant(origin.timestamp_ms))
