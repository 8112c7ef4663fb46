"""Where the bytes of a column end, for each kind of column that the Native format has.

A column is, in order, the prefix of its type and its rows. Most types have no prefix; that of JSON says which columns
its rows are made of, so every prefix is read and answers with the layout of the rows that follow it.

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


class Column(Protocol):
    """Can go past the bytes of its prefix and of so many rows."""

    def settle(self, reader: Reader) -> "Column":
        """Go past the prefix; the layout that the rows after it have."""

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Go past so many rows."""


@dataclass(frozen=True)
class Fixed:
    """Every value has the same width."""

    width_bytes: int

    def settle(self, _reader: Reader) -> Column:
        """There is no prefix."""
        return self

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Width times rows."""
        reader.skip(self.width_bytes * rows)


@dataclass(frozen=True)
class Text:
    """Strings, each with its length."""

    def settle(self, _reader: Reader) -> Column:
        """There is no prefix."""
        return self

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """One string a row."""
        reader.skip_strings(rows)


@dataclass(frozen=True)
class Nullable:
    """A byte a row says which are null; then a value for every row."""

    inner: Column

    def settle(self, reader: Reader) -> Column:
        """The inner type's prefix."""
        return Nullable(self.inner.settle(reader))

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """The null map, then the values."""
        reader.skip(rows)
        self.inner.skip_rows(reader, rows)


@dataclass(frozen=True)
class Array:
    """The end of each row's array as 64 bits; then all elements."""

    inner: Column

    def settle(self, reader: Reader) -> Column:
        """The inner type's prefix."""
        return Array(self.inner.settle(reader))

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """The offsets, then as many elements as the last of them says."""
        if rows:
            offsets = reader.take(8 * rows)
            self.inner.skip_rows(reader, struct.unpack_from("<Q", offsets, 8 * (rows - 1))[0])


@dataclass(frozen=True)
class Tuple:
    """Its elements, one column after the other."""

    parts: tuple[Column, ...]

    def settle(self, reader: Reader) -> Column:
        """The prefix of every element."""
        return Tuple(tuple(part.settle(reader) for part in self.parts))

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Every element's column."""
        for part in self.parts:
            part.skip_rows(reader, rows)


@dataclass(frozen=True)
class LowCardinality:
    """A dictionary of the distinct values, and for each row its place in it."""

    inner: Column

    def settle(self, reader: Reader) -> Column:
        """The version of the dictionary's form."""
        reader.skip(8)
        return self

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Runs of dictionary and places, until all rows are told."""
        while rows:
            flags = reader.uint64()
            if flags & _KEYS_FOLLOW:
                self.inner.skip_rows(reader, reader.uint64())
            run = reader.uint64()
            if not 0 < run <= rows or (flags & 0xFF) > 3:
                raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, "a dictionary of LowCardinality that makes no sense")
            reader.skip(run << (flags & 0xFF))
            rows -= run


@dataclass(frozen=True)
class Variant:
    """A byte a row says which of the columns has it, or none; then each column with its rows."""

    parts: tuple[Column, ...]

    def settle(self, reader: Reader) -> Column:
        """How the bytes are written, then the prefix of every column."""
        if reader.uint64() != _BASIC_DISCRIMINATORS:
            raise ProtocolFault(NOT_IMPLEMENTED, "discriminators of a Variant in the compact form")
        return Variant(tuple(part.settle(reader) for part in self.parts))

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """The bytes, then every column."""
        which = reader.take(rows)
        for place, part in enumerate(self.parts):
            part.skip_rows(reader, which.count(place))


@dataclass(frozen=True)
class Dynamic:
    """A Variant whose types are named in the prefix."""

    column: Callable[[str], Column]

    def settle(self, reader: Reader) -> Column:
        """The version, the types' names, and the prefix of a Variant of them and of one for all others."""
        if _version(reader, "Dynamic", known=(1, 2)) == 1:
            reader.varint()
        count = reader.varint()
        if count > _MAX_KINDS:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"a Dynamic of {count} types")
        names = sorted([*(reader.text() for _ in range(count)), _OF_ANY_TYPE])
        return Variant(tuple(Text() if name == _OF_ANY_TYPE else self.column(name) for name in names)).settle(reader)

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Its rows follow a prefix, always."""
        raise NotImplementedError


@dataclass(frozen=True)
class Json:
    """Either texts, or a Dynamic for each path and a list of all other paths."""

    column: Callable[[str], Column]

    def settle(self, reader: Reader) -> Column:
        """The version, the paths, and the prefix of each path's column."""
        version = _version(reader, "JSON", known=(0, 1, 2))
        if version == 1:
            return Text()
        if version == 0:
            reader.varint()
        count = reader.varint()
        if count > _MAX_PATHS:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"JSON of {count} paths")
        for _ in range(count):
            reader.text()
        paths = tuple(Dynamic(self.column).settle(reader) for _ in range(count))
        return Tuple((*paths, Array(Tuple((Text(), Text())))))

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Its rows follow a prefix, always."""
        raise NotImplementedError


def _version(reader: Reader, kind: str, *, known: tuple[int, ...]) -> int:
    version = reader.uint64()
    if version not in known:
        raise ProtocolFault(NOT_IMPLEMENTED, f"version {version} of the form of {kind}")
    return version
