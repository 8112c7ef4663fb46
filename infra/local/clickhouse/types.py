"""What a column type's name says of its bytes.

Blocks bear no length: the end of one is found only by walking its columns.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from infra.local.clickhouse.faults import UNKNOWN_TYPE, ProtocolFault
from infra.local.clickhouse.layouts import (
    Array,
    Column,
    Dynamic,
    Fixed,
    Json,
    LowCardinality,
    Nullable,
    Text,
    Tuple,
    Variant,
)

_MAX_DEPTH = 16
_WIDTH_BYTES: Mapping[str, int] = {
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    **{"Bool": 1, "Float32": 4, "Float64": 8, "BFloat16": 2, "UUID": 16, "IPv4": 4, "IPv6": 16, "Nothing": 1},
    **{"Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8, "Time": 4, "Time64": 8, "Enum8": 1, "Enum16": 2},
    **{"Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32},
}
_ALIASES: Mapping[str, str] = {
    "Point": "Tuple(Float64, Float64)",
    **dict.fromkeys(("Ring", "LineString"), "Array(Point)"),
    **dict.fromkeys(("Polygon", "MultiLineString"), "Array(Ring)"),
    "MultiPolygon": "Array(Polygon)",
}
_DECIMAL_DIGITS = ((9, 4), (18, 8), (38, 16), (76, 32))
# A path with a type of its own comes in front of the others, where no client of ours writes it.
_JSON_OPTION = re.compile(r"max_dynamic_\w+\s*=|SKIP\s")
_ELEMENT_NAME = re.compile(r"\A(?:\w+|`(?:[^`\\]|\\.)*`)\s+(?=[A-Z])")


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
    if family in _ALIASES:
        return column(_ALIASES[family], depth + 1)
    if family == "String":
        return Text()
    if family == "Dynamic" or (family == "JSON" and all(map(_JSON_OPTION.match, parts))):
        return (Dynamic if family == "Dynamic" else Json)(partial(column, depth=depth + 1))
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
    "Variant": lambda parts, depth: Variant(tuple(column(part, depth) for part in parts)),
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
