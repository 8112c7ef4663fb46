"""The packets of both directions, at revision 54429.

From that revision on settings travel as strings; below it they are typed, and `clickhouse-driver` drops without a word
those it does not know, the token of insert deduplication among them.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from infra.local.clickhouse.faults import (
    NOT_IMPLEMENTED,
    TOO_LARGE,
    UNEXPECTED_PACKET_FROM_CLIENT,
    ClientGone,
    ProtocolFault,
)
from infra.local.clickhouse.types import column
from infra.local.clickhouse.wire import Reader, string, varint

REVISION = 54429

CLIENT_HELLO, CLIENT_QUERY, CLIENT_DATA, CLIENT_CANCEL, CLIENT_PING = 0, 1, 2, 3, 4
_HELLO, _DATA, _EXCEPTION, _PROGRESS, _PONG, _END_OF_STREAM, _PROFILE, _TABLE_COLUMNS = 0, 1, 2, 3, 4, 5, 6, 11

_IMPORTANT = 1
_INITIAL_QUERY = 1
_MAX_SETTINGS = 1_000
_MAX_COLUMNS = 10_000
_MAX_QUERY_BYTES = 16 << 20
_BLOCK_INFO = varint(1) + b"\0" + varint(2) + struct.pack("<i", -1) + varint(0)

PING = varint(CLIENT_PING)
PONG = varint(_PONG)
END_OF_STREAM = varint(_END_OF_STREAM)


@dataclass(frozen=True)
class Hello:
    """How a client introduces itself."""

    client: str
    database: str
    user: str


@dataclass(frozen=True)
class Setting:
    """A setting of one query; one that is important must not be unknown."""

    value: str
    important: bool


@dataclass(frozen=True)
class Query:
    """A statement to run."""

    query_id: str
    text: str
    compressed: bool
    settings: dict[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """Rows of some columns, in the Native format."""

    columns: int
    rows: int
    native: bytes


def read_hello(reader: Reader) -> Hello:
    """Read what follows the packet's number.

    Raises:
        ProtocolFault: a client of a revision that the rest of the conversation is not written for.
    """
    client = reader.text()
    reader.varint()
    reader.varint()
    revision = reader.varint()
    hello = Hello(client=client, database=reader.text(), user=reader.text())
    reader.text()
    if revision < REVISION:
        raise ProtocolFault(NOT_IMPLEMENTED, f"a client of revision {revision}; {REVISION} or newer is needed")
    return hello


def read_query(reader: Reader) -> Query:
    """Read what follows the packet's number."""
    query_id = reader.text()
    _skip_client_info(reader)
    settings: dict[str, Setting] = {}
    while name := reader.text():
        flags = reader.varint()
        settings[name] = Setting(value=reader.text(_MAX_QUERY_BYTES), important=bool(flags & _IMPORTANT))
        if len(settings) > _MAX_SETTINGS:
            raise ProtocolFault(TOO_LARGE, f"more than {_MAX_SETTINGS} settings")
    reader.varint()
    compressed = bool(reader.varint())
    return Query(query_id, text=reader.text(_MAX_QUERY_BYTES), compressed=compressed, settings=settings)


def _skip_client_info(reader: Reader) -> None:
    if reader.take(1)[0] != _INITIAL_QUERY:
        raise ProtocolFault(NOT_IMPLEMENTED, "a query on behalf of another server")
    for _ in ("initial user", "initial query id", "initial address"):
        reader.text()
    if reader.take(1)[0] != 1:
        raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, "a query whose interface is not TCP")
    for _ in ("user of the system", "host", "name of the client"):
        reader.text()
    for _ in ("major version", "minor version", "revision"):
        reader.varint()
    reader.text()  # quota key
    reader.varint()  # patch version


def read_data(reader: Reader) -> tuple[str, Block]:
    """Read a block of rows, and the name of the external table they are for ("" for an insert's rows)."""
    table = reader.text()
    _skip_block_info(reader)
    return table, read_block(reader)


def _skip_block_info(reader: Reader) -> None:
    while number := reader.varint():
        if number > 2:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"field {number} in a block's info")
        reader.skip(1 if number == 1 else 4)


def read_block(reader: Reader) -> Block:
    """Read a block as the Native format has it."""
    start = reader.at
    columns, rows = reader.varint(), reader.varint()
    if columns > _MAX_COLUMNS:
        raise ProtocolFault(TOO_LARGE, f"a block of {columns} columns; {_MAX_COLUMNS} is the limit")
    for _ in range(columns):
        reader.text()
        kind = column(reader.text())
        if rows:
            kind.skip_prefix(reader)
            kind.skip_rows(reader, rows)
    return Block(columns=columns, rows=rows, native=reader.since(start))


def blocks_in(native: bytes) -> Iterator[Block]:
    """Cut what the engine wrote into its blocks."""
    reader = _whole(native)
    try:
        while True:
            reader.begin_packet(limit_bytes=len(native) + 1)
            yield read_block(reader)
    except ClientGone:
        return


def columns_of(native: bytes) -> list[tuple[str, str]]:
    """Names and types of a block's columns.

    Raises:
        ProtocolFault: a column is of a type whose bytes we do not know.
    """
    return [(name, kind) for name, kind, _ in _columns(_whole(native))]


def with_types(native: bytes, types: Sequence[str]) -> bytes:
    """The same block with its columns' types named so; raises as `columns_of` does."""
    counts = _whole(native)
    head = varint(counts.varint()) + varint(counts.varint())
    columns = zip(types, _columns(_whole(native)), strict=True)
    return head + b"".join(string(name) + string(kind) + rows for kind, (name, _, rows) in columns)


def _columns(reader: Reader) -> Iterator[tuple[str, str, bytes]]:
    """Name, type and rows' bytes of each column."""
    columns, rows = reader.varint(), reader.varint()
    for _ in range(columns):
        name, kind = reader.text(), reader.text()
        layout, start = column(kind), reader.at
        if rows:
            layout.skip_prefix(reader)
            layout.skip_rows(reader, rows)
        yield name, kind, reader.since(start)


def _whole(native: bytes) -> Reader:
    reader = Reader(_once(native))
    reader.begin_packet(limit_bytes=len(native) + 1)
    return reader


def _once(native: bytes) -> Callable[[int], bytes]:
    left = [native]
    return lambda _count: left.pop() if left else b""


def client_hello(client: str, database: str, revision: int = REVISION) -> bytes:
    """A client's introduction, without user and password."""
    version = varint(1) + varint(0) + varint(revision)
    return varint(CLIENT_HELLO) + string(client) + version + string(database) + string("default") + string("")


def hello(version: tuple[int, int, int], timezone: str) -> bytes:
    """The server's introduction."""
    major, minor, patch = version
    name = string("ClickHouse") + varint(major) + varint(minor) + varint(REVISION)
    return varint(_HELLO) + name + string(timezone) + string("headrace") + varint(patch)


def data(native: bytes) -> bytes:
    """One block of a result, or of an insert's sample."""
    return varint(_DATA) + string("") + _BLOCK_INFO + native


def empty_block(columns: list[tuple[str, str]]) -> bytes:
    """A block without rows: the names and types alone."""
    return varint(len(columns)) + varint(0) + b"".join(string(name) + string(kind) for name, kind in columns)


def exception(code: int, message: str) -> bytes:
    """An error as ClickHouse's clients know it."""
    text = message if message.startswith("DB::Exception: ") else f"DB::Exception: {message}"
    return varint(_EXCEPTION) + struct.pack("<i", code) + string("DB::Exception") + string(text) + string("") + b"\0"


def profile(rows: int, blocks: int, result_bytes: int) -> bytes:
    """What a result came to."""
    return varint(_PROFILE) + varint(rows) + varint(blocks) + varint(result_bytes) + b"\0" + varint(0) + b"\0"


def written(rows: int, insert_bytes: int) -> bytes:
    """What an insert came to."""
    return varint(_PROGRESS) + varint(0) + varint(0) + varint(0) + varint(rows) + varint(insert_bytes)


def table_columns() -> bytes:
    """Comes before an insert's sample from this revision on; describes defaults, of which we name none."""
    return varint(_TABLE_COLUMNS) + string("") + string("columns format version: 1\n0 columns:\n")
