"""What the bytes of a column type look like in the Native format.

Blocks bear no length: the end of one is found only by walking its columns. A column is, in order, the prefixes of its
type (only LowCardinality has one) and its body.

Format: https://clickhouse.com/docs/interfaces/formats/Native
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from infra.local.clickhouse.faults import UNEXPECTED_PACKET_FROM_CLIENT, UNKNOWN_TYPE, ProtocolFault
from infra.local.clickhouse.wire import Reader

_MAX_DEPTH = 16
_WIDTH_BYTES: Mapping[str, int] = {
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    **{"Bool": 1, "Float32": 4, "Float64": 8, "BFloat16": 2, "UUID": 16, "IPv4": 4, "IPv6": 16, "Nothing": 1},
    **{"Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8, "Enum8": 1, "Enum16": 2},
    **{"Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32},
}
_DECIMAL_DIGITS = ((9, 4), (18, 8), (38, 16), (76, 32))
_KEYS_FOLLOW = 1 << 9
_ELEMENT_NAME = re.compile(r"\A(?:\w+|`(?:[^`\\]|\\.)*`)\s+(?=[A-Z])")


class Column(Protocol):
    """A type: can go past the bytes of its prefix and of so many rows."""

    def skip_prefix(self, reader: Reader) -> None:
        """Go past what comes before the rows."""

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Go past so many rows."""


@dataclass(frozen=True)
class Fixed:
    """Every value has the same width."""

    width_bytes: int

    def skip_prefix(self, reader: Reader) -> None:
        """There is none."""

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Width times rows."""
        reader.skip(self.width_bytes * rows)


@dataclass(frozen=True)
class Text:
    """Strings, each with its length."""

    def skip_prefix(self, reader: Reader) -> None:
        """There is none."""

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """One string a row."""
        reader.skip_strings(rows)


@dataclass(frozen=True)
class Nullable:
    """A byte a row says which are null; then a value for every row."""

    inner: Column

    def skip_prefix(self, reader: Reader) -> None:
        """The inner type's."""
        self.inner.skip_prefix(reader)

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """The null map, then the values."""
        reader.skip(rows)
        self.inner.skip_rows(reader, rows)


@dataclass(frozen=True)
class Array:
    """The end of each row's array as 64 bits; then all elements."""

    inner: Column

    def skip_prefix(self, reader: Reader) -> None:
        """The inner type's."""
        self.inner.skip_prefix(reader)

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """The offsets, then as many elements as the last of them says."""
        if rows:
            offsets = reader.take(8 * rows)
            self.inner.skip_rows(reader, struct.unpack_from("<Q", offsets, 8 * (rows - 1))[0])


@dataclass(frozen=True)
class Tuple:
    """Its elements, one column after the other."""

    parts: tuple[Column, ...]

    def skip_prefix(self, reader: Reader) -> None:
        """That of every element."""
        for part in self.parts:
            part.skip_prefix(reader)

    def skip_rows(self, reader: Reader, rows: int) -> None:
        """Every element's column."""
        for part in self.parts:
            part.skip_rows(reader, rows)


@dataclass(frozen=True)
class LowCardinality:
    """A dictionary of the distinct values, and for each row its place in it."""

    inner: Column

    def skip_prefix(self, reader: Reader) -> None:
        """The version of the dictionary's form."""
        reader.skip(8)

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


@lru_cache(maxsize=1024)
def column(name: str, depth: int = 0) -> Column:
    """The column of the type of that name, such as `Array(Nullable(String))`.

    Raises:
        ProtocolFault: a type whose bytes we do not know.
    """
    if depth > _MAX_DEPTH:
        raise ProtocolFault(UNKNOWN_TYPE, f"type {name[:80]} is nested deeper than {_MAX_DEPTH}")
    family, bracket, rest = name.strip().partition("(")
    parts = _split(rest.rstrip()[:-1]) if bracket and rest.rstrip().endswith(")") else ()
    if family in _WIDTH_BYTES:
        return Fixed(_WIDTH_BYTES[family])
    if family.startswith("Interval") and not bracket:
        return Fixed(8)
    if family == "String":
        return Text()
    build = _BUILDERS.get(family)
    if build is None or not parts:
        raise ProtocolFault(UNKNOWN_TYPE, f"columns of type {name[:200]} are not understood here")
    return build(parts, depth + 1)


def _fixed_string(parts: tuple[str, ...], _depth: int) -> Column:
    return Fixed(_number(parts[0]))


def _decimal(parts: tuple[str, ...], _depth: int) -> Column:
    digits = _number(parts[0])
    return Fixed(next((width for most, width in _DECIMAL_DIGITS if digits <= most), 32))


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ProtocolFault(UNKNOWN_TYPE, f"{text[:20]!r} is no length")
    return int(text)


def _low_cardinality(parts: tuple[str, ...], depth: int) -> Column:
    inner = column(parts[0], depth)
    # In a dictionary null is the first entry, so there is no null map.
    return LowCardinality(inner.inner if isinstance(inner, Nullable) else inner)


def _tuple(parts: tuple[str, ...], depth: int) -> Column:
    return Tuple(tuple(column(_ELEMENT_NAME.sub("", part, count=1), depth) for part in parts))


_BUILDERS: Mapping[str, Callable[[tuple[str, ...], int], Column]] = {
    "FixedString": _fixed_string,
    "Decimal": _decimal,
    "Nullable": lambda parts, depth: Nullable(column(parts[0], depth)),
    "Array": lambda parts, depth: Array(column(parts[0], depth)),
    "Map": lambda parts, depth: Array(_tuple(parts, depth)),
    "Nested": lambda parts, depth: Array(_tuple(parts, depth)),
    "Tuple": _tuple,
    "LowCardinality": _low_cardinality,
    "SimpleAggregateFunction": lambda parts, depth: column(parts[-1], depth),
}


def _split(text: str) -> tuple[str, ...]:
    """Cut at the commas that stand in no bracket and no quotes."""
    parts, start, depth = [], 0, 0
    for found in re.finditer(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]", text):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            depth -= 1
        elif found[0] == "," and not depth:
            parts.append(text[start : found.start()].strip())
            start = found.end()
    return (*parts, text[start:].strip())
