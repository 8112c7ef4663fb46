"""Where the bytes of a column end, for each kind of column that the Native format has.

A column is, in order, the prefix of its type and its rows. Most types have no prefix; that of JSON says which columns
its rows are made of, so reading a prefix answers how to go past the rows that follow it.

Format: https://clickhouse.com/docs/interfaces/formats/Native
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from infra.local.clickhouse.faults import NOT_IMPLEMENTED, UNEXPECTED_PACKET_FROM_CLIENT, ProtocolFault
from infra.local.clickhouse.wire import Reader

_KEYS_FOLLOW = 1 << 9
_BASIC_DISCRIMINATORS = 0
_OF_ANY_TYPE = "SharedVariant"
_MAX_PATHS = 10_000
_MAX_KINDS = 254


Rows = Callable[[Reader, int], None]
"""Goes past the bytes of so many rows."""


class Column(Protocol):
    """Can go past its prefix; only then it is known how to go past its rows."""

    def read_prefix(self, reader: Reader) -> Rows:
        """Go past the prefix; how to go past the rows after it."""


@dataclass(frozen=True)
class Fixed:
    """Every value has the same width; there is no prefix."""

    width_bytes: int

    def read_prefix(self, _reader: Reader) -> Rows:
        """Width times rows."""
        return lambda reader, rows: reader.skip(self.width_bytes * rows)


@dataclass(frozen=True)
class Text:
    """Strings, each with its length; there is no prefix."""

    def read_prefix(self, _reader: Reader) -> Rows:
        """One string a row."""
        return Reader.skip_strings


@dataclass(frozen=True)
class Nullable:
    """A byte a row says which are null; then a value for every row."""

    inner: Column

    def read_prefix(self, reader: Reader) -> Rows:
        """The inner type's prefix."""
        values = self.inner.read_prefix(reader)

        def skip(reader: Reader, rows: int) -> None:
            reader.skip(rows)
            values(reader, rows)

        return skip


@dataclass(frozen=True)
class Array:
    """The end of each row's array as 64 bits; then all elements."""

    inner: Column

    def read_prefix(self, reader: Reader) -> Rows:
        """The inner type's prefix; the last of the offsets says how many elements follow them."""
        elements = self.inner.read_prefix(reader)

        def skip(reader: Reader, rows: int) -> None:
            if rows:
                offsets = reader.take(8 * rows)
                elements(reader, struct.unpack_from("<Q", offsets, 8 * (rows - 1))[0])

        return skip


@dataclass(frozen=True)
class Tuple:
    """Its elements, one column after the other."""

    parts: tuple[Column, ...]

    def read_prefix(self, reader: Reader) -> Rows:
        """The prefix of every element."""
        columns = [part.read_prefix(reader) for part in self.parts]

        def skip(reader: Reader, rows: int) -> None:
            for column in columns:
                column(reader, rows)

        return skip


@dataclass(frozen=True)
class LowCardinality:
    """A dictionary of the distinct values, and for each row its place in it."""

    inner: Column

    def read_prefix(self, reader: Reader) -> Rows:
        """The version of the dictionary's form; then runs of dictionary and places, until all rows are told."""
        reader.skip(8)
        values = self.inner.read_prefix(reader)

        def skip(reader: Reader, rows: int) -> None:
            while rows:
                flags = reader.uint64()
                if flags & _KEYS_FOLLOW:
                    values(reader, reader.uint64())
                run = reader.uint64()
                if not 0 < run <= rows or (flags & 0xFF) > 3:
                    raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, "a LowCardinality's dictionary makes no sense")
                reader.skip(run << (flags & 0xFF))
                rows -= run

        return skip


@dataclass(frozen=True)
class Variant:
    """A byte a row says which of the columns has it, or none; then each column with its rows."""

    parts: tuple[Column, ...]

    def read_prefix(self, reader: Reader) -> Rows:
        """How the bytes are written, then the prefix of every column."""
        if reader.uint64() != _BASIC_DISCRIMINATORS:
            raise ProtocolFault(NOT_IMPLEMENTED, "discriminators of a Variant in the compact form")
        columns = [part.read_prefix(reader) for part in self.parts]

        def skip(reader: Reader, rows: int) -> None:
            which = reader.take(rows)
            for place, column in enumerate(columns):
                column(reader, which.count(place))

        return skip


@dataclass(frozen=True)
class Dynamic:
    """A Variant whose types are named in the prefix."""

    column: Callable[[str], Column]

    def read_prefix(self, reader: Reader) -> Rows:
        """The version, the types' names, and the prefix of a Variant of them and of one for all others."""
        if _version(reader, "Dynamic", known=(1, 2)) == 1:
            reader.varint()
        count = reader.varint()
        if count > _MAX_KINDS:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"a Dynamic of {count} types")
        names = sorted([*(reader.text() for _ in range(count)), _OF_ANY_TYPE])
        kinds = tuple(Text() if name == _OF_ANY_TYPE else self.column(name) for name in names)
        return Variant(kinds).read_prefix(reader)


@dataclass(frozen=True)
class Json:
    """Either texts, or a Dynamic for each path and a list of all other paths."""

    column: Callable[[str], Column]

    def read_prefix(self, reader: Reader) -> Rows:
        """The version, the paths, and the prefix of each path's column."""
        version = _version(reader, "JSON", known=(0, 1, 2))
        if version == 1:
            return Text().read_prefix(reader)
        if version == 0:
            reader.varint()
        count = reader.varint()
        if count > _MAX_PATHS:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"JSON of {count} paths")
        for _ in range(count):
            reader.text()
        others = Array(Tuple((Text(), Text())))
        return Tuple((*(Dynamic(self.column) for _ in range(count)), others)).read_prefix(reader)


def _version(reader: Reader, kind: str, *, known: tuple[int, ...]) -> int:
    version = reader.uint64()
    if version not in known:
        raise ProtocolFault(NOT_IMPLEMENTED, f"version {version} of the form of {kind}")
    return version
