"""The packets of both directions, at revision 54429.

From that revision on settings travel as strings; below it they are typed, and `clickhouse-driver` drops without a word
those it does not know, the token of insert deduplication among them.
"""

import struct
from dataclasses import dataclass

from infra.local.clickhouse.wire import string, varint

REVISION = 54429

CLIENT_HELLO, CLIENT_QUERY, CLIENT_DATA, CLIENT_CANCEL, CLIENT_PING, CLIENT_TABLES_STATUS = 0, 1, 2, 3, 4, 5
DATA, TOTALS, EXTREMES = 1, 7, 8
_HELLO, _EXCEPTION, _PROGRESS, _PONG, _END_OF_STREAM, _PROFILE, _TABLES_STATUS, _TABLE_COLUMNS = 0, 2, 3, 4, 5, 6, 9, 11

BLOCK_INFO = varint(1) + b"\0" + varint(2) + struct.pack("<i", -1) + varint(0)
"""Comes before every block: not an overflow of totals, no bucket of a distributed aggregation."""

PING = varint(CLIENT_PING)
PONG = varint(_PONG)
END_OF_STREAM = varint(_END_OF_STREAM)


def client_hello(client: str, database: str, revision: int = REVISION) -> bytes:
    """A client's introduction, without user and password."""
    version = varint(1) + varint(0) + varint(revision)
    return varint(CLIENT_HELLO) + string(client) + version + string(database) + string("default") + string("")


def hello(version: tuple[int, int, int], timezone: str) -> bytes:
    """The server's introduction."""
    major, minor, patch = version
    name = string("ClickHouse") + varint(major) + varint(minor) + varint(REVISION)
    return varint(_HELLO) + name + string(timezone) + string("headrace") + varint(patch)


def block_head(number: int) -> bytes:
    """What a packet of rows has before its block, which alone may be compressed."""
    return varint(number) + string("")


def exception(code: int, message: str) -> bytes:
    """An error as ClickHouse's clients know it."""
    text = message if message.startswith("DB::Exception: ") else f"DB::Exception: {message}"
    return varint(_EXCEPTION) + struct.pack("<i", code) + string("DB::Exception") + string(text) + string("") + b"\0"


def profile(rows: int, blocks: int, result_bytes: int) -> bytes:
    """What a result came to."""
    return varint(_PROFILE) + varint(rows) + varint(blocks) + varint(result_bytes) + b"\0" + varint(0) + b"\0"


@dataclass(frozen=True)
class Progress:
    """How far a query is. A packet tells what was added since the one before."""

    rows: int = 0
    read_bytes: int = 0
    total_rows: int = 0
    written_rows: int = 0
    written_bytes: int = 0

    def since(self, before: "Progress") -> "Progress":
        """What was added since then."""
        return Progress(
            max(0, self.rows - before.rows),
            max(0, self.read_bytes - before.read_bytes),
            max(0, self.total_rows - before.total_rows),
            max(0, self.written_rows - before.written_rows),
            max(0, self.written_bytes - before.written_bytes),
        )

    def packet(self) -> bytes:
        """Its bytes."""
        numbers = (self.rows, self.read_bytes, self.total_rows, self.written_rows, self.written_bytes)
        return varint(_PROGRESS) + b"".join(map(varint, numbers))


def table_columns() -> bytes:
    """Comes before an insert's sample from this revision on; describes defaults, of which we name none."""
    return varint(_TABLE_COLUMNS) + string("") + string("columns format version: 1\n0 columns:\n")


def tables_status(tables: list[tuple[str, str]]) -> bytes:
    """Says of each table that it is there and not replicated."""
    each = b"".join(string(database) + string(table) + b"\0" for database, table in tables)
    return varint(_TABLES_STATUS) + varint(len(tables)) + each
