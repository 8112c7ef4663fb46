"""Blocks: rows of some columns, as the Native format has them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from infra.local.clickhouse.faults import TOO_LARGE, UNEXPECTED_PACKET_FROM_CLIENT, ClientGone, ProtocolFault
from infra.local.clickhouse.types import column
from infra.local.clickhouse.wire import Reader, string, varint

_MAX_COLUMNS = 10_000

Columns = list[tuple[str, str]]
"""Names and types."""


@dataclass(frozen=True)
class Block:
    """Rows of some columns, in the Native format."""

    columns: int
    rows: int
    native: bytes


def read_block_info(reader: Reader) -> None:
    """Go past what comes before a block."""
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
            kind.read_prefix(reader)(reader, rows)
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


def columns_of(native: bytes) -> Columns:
    """Names and types of a block's columns.

    Raises:
        ProtocolFault: a column is of a type whose bytes we do not know.
    """
    return [(name, kind) for name, kind, _ in _columns(_whole(native))]


def with_types(native: bytes, types: Mapping[int, str]) -> bytes:
    """The same block with the types of some columns named so, by their places; raises as `columns_of` does.

    What comes after the last of them is not looked at.
    """
    if not types:
        return native
    counts = _whole(native)
    parts = [varint(counts.varint()) + varint(counts.varint())]
    for place, (name, kind, rows) in enumerate(_columns(reader := _whole(native))):
        parts.append(string(name) + string(types.get(place, kind)) + rows)
        if place == max(types):
            break
    return b"".join([*parts, native[reader.at :]])


def _columns(reader: Reader) -> Iterator[tuple[str, str, bytes]]:
    """Name, type and rows' bytes of each column."""
    columns, rows = reader.varint(), reader.varint()
    for _ in range(columns):
        name, kind = reader.text(), reader.text()
        layout, start = column(kind), reader.at
        if rows:
            layout.read_prefix(reader)(reader, rows)
        yield name, kind, reader.since(start)


def _whole(native: bytes) -> Reader:
    reader = Reader(_once(native))
    reader.begin_packet(limit_bytes=len(native) + 1)
    return reader


def _once(native: bytes) -> Callable[[int], bytes]:
    left = [native]
    return lambda _count: left.pop() if left else b""


def empty_block(columns: Columns) -> bytes:
    """A block without rows: the names and types alone."""
    return varint(len(columns)) + varint(0) + b"".join(string(name) + string(kind) for name, kind in columns)
