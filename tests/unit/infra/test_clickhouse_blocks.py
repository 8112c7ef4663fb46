"""Where a block ends, for the types whose bytes say themselves what follows; and that no bytes lead astray."""

import struct
from collections.abc import Callable
from random import Random

import pytest

from infra.local.clickhouse.blocks import blocks_in, columns_of, read_block, with_types
from infra.local.clickhouse.faults import ClientGone, ProtocolFault
from infra.local.clickhouse.wire import Reader, string, varint

BASIC = struct.pack("<Q", 0)


def a_block(kind: str, rows: int, column: bytes) -> bytes:
    return varint(1) + varint(rows) + string("v") + string(kind) + column


def dynamic(version: int, kinds: list[str], rows: bytes) -> bytes:
    most = varint(32) if version == 1 else b""
    return struct.pack("<Q", version) + most + varint(len(kinds)) + b"".join(map(string, kinds)) + BASIC + rows


NO_OTHER_PATHS = struct.pack("<Q", 0)
BLOCKS = {
    "variant": a_block("Variant(Int8, String)", 3, BASIC + b"\0\xff\1" + b"\7" + string("x")),
    "dynamic 1": a_block("Dynamic", 2, dynamic(1, ["Int8"], b"\0\xff" + b"\7")),
    "dynamic 2": a_block("Dynamic", 2, dynamic(2, ["String", "UInt16"], b"\2\1" + string("x") + b"\0\1")),
    "dynamic of other types": a_block(
        "Array(Dynamic)", 1, dynamic(2, [], struct.pack("<Q", 1) + b"\0" + string("raw"))
    ),
    "json as text": a_block("JSON", 2, struct.pack("<Q", 1) + string("{}") + string('{"a":1}')),
    "json": a_block(
        "JSON(max_dynamic_paths=4)",
        1,
        struct.pack("<Q", 2) + varint(1) + string("a.b") + dynamic(2, ["Int64"], b"\0" + b"\1" * 8) + NO_OTHER_PATHS,
    ),
    "polygon": a_block("Polygon", 1, struct.pack("<QQdd", 1, 1, 0.5, 1.5)),
    "dictionary": a_block(
        "LowCardinality(Nullable(String))",
        2,
        struct.pack("<QQQ", 1, 1 << 9, 2) + b"\0\1a" + struct.pack("<Q", 2) + b"\0\1",
    ),
    "times": a_block("Tuple(a Time, b Time64(3))", 1, b"\0" * 12),
}


def a_reader(data: bytes) -> Reader:
    left = [data]
    reader = Reader(lambda _count: left.pop() if left else b"")
    reader.begin_packet(1 << 20)
    return reader


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_ends_where_its_last_value_ends(name: str) -> None:
    reader = a_reader(BLOCKS[name] + b"what comes next")

    assert read_block(reader).native == BLOCKS[name]
    assert [block.native for block in blocks_in(BLOCKS[name] * 3)] == [BLOCKS[name]] * 3


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_cut_short_is_a_client_that_left(name: str) -> None:
    for end in range(1, len(BLOCKS[name])):
        with pytest.raises(ClientGone):
            read_block(a_reader(BLOCKS[name][:end]))


@pytest.mark.parametrize(
    "block",
    [
        a_block("Variant(Int8)", 1, struct.pack("<Q", 1) + b"\0\0"),
        a_block("Dynamic", 1, struct.pack("<Q", 9)),
        a_block("Dynamic", 1, struct.pack("<Q", 2) + varint(255)),
        a_block("JSON", 1, struct.pack("<Q", 2) + varint(2**40)),
        a_block("JSON(a Int64)", 1, b""),
        a_block("AggregateFunction(sum, UInt8)", 1, b""),
    ],
)
def test_what_is_not_understood_is_said(block: bytes) -> None:
    with pytest.raises(ProtocolFault):
        read_block(a_reader(block))


@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_lead_astray(seed: int) -> None:
    """Whatever is changed in a block, it is read to an end, refused, or wants more: within its limit."""
    random = Random(seed)
    for block in BLOCKS.values():
        for _ in range(200):
            changed = bytearray(block)
            for _ in range(random.randint(1, 3)):
                changed[random.randrange(len(changed))] = random.choice([0, 1, 2, 0x7F, 0xFF, random.randrange(256)])
            outcome = read_or_refused(lambda data=bytes(changed): read_block(a_reader(data)))  # type: ignore[misc]
            assert outcome in {"read", "refused", "wants more"}


def read_or_refused(read: Callable[[], object]) -> str:
    try:
        read()
    except ProtocolFault:
        return "refused"
    except ClientGone:
        return "wants more"
    return "read"


def test_types_are_named_anew_without_a_look_at_what_comes_after() -> None:
    of_unknown_type = string("u") + string("Unheard(Of)") + b"\1\2\3"
    block = varint(3) + varint(1) + string("a") + string("DateTime") + b"\0" * 4
    rest = string("s") + string("String") + string("x")

    named = with_types(block + rest + of_unknown_type, {0: "DateTime('UTC')"})

    assert named.endswith(string("a") + string("DateTime('UTC')") + b"\0" * 4 + rest + of_unknown_type)
    assert with_types(block, {}) is block
    assert columns_of(varint(1) + varint(0) + string("a") + string("UInt8")) == [("a", "UInt8")]
