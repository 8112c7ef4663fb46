"""Values of every type, by the hundred and from a seed, go in with INSERT and come out with SELECT as they were."""

import string
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.support.clickhouse import Database

ROWS = 300
Make = Callable[[Random], Any]
EPOCH = date(1970, 1, 1)
EXACT = Context(prec=100)
TOKYO, AUCKLAND = ZoneInfo("Asia/Tokyo"), ZoneInfo("Pacific/Auckland")


def whole(bits: int, *, signed: bool) -> Make:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return lambda random: random.choice([low, high, 0, 1, random.randint(low, high)])


def text(random: Random) -> str:
    letters = string.printable + "äß漢字🌊\0"
    return "".join(random.choices(letters, k=random.choice([0, 1, 5, 127, 128, 300])))


def letters(length: int) -> Make:
    return lambda random: "".join(random.choices(string.ascii_letters, k=length))


def float32(random: Random) -> float:
    return float(struct.unpack("<f", struct.pack("<f", random.uniform(-1e6, 1e6)))[0])


def day(first: date, last: date) -> Make:
    return lambda random: random.choice([first, last, first + timedelta(days=random.randint(0, (last - first).days))])


def moment(zone: ZoneInfo | None, microsecond: int) -> Make:
    def make(random: Random) -> datetime:
        at = datetime.fromtimestamp(random.choice([0, 1, 2**31 - 1, random.randint(0, 2**32 - 1)]), UTC)
        at = at.replace(microsecond=random.randrange(0, 1_000_000, microsecond) if microsecond else 0)
        return at.astimezone(zone) if zone else at.replace(tzinfo=None)

    return make


def decimal(digits: int, scale: int) -> Make:
    most = 10**digits - 1
    return lambda random: Decimal(random.choice([0, 1, -1, most, -most, random.randint(-most, most)])).scaleb(
        -scale, EXACT
    )


def either(value: Any, make: Make) -> Make:
    return lambda random: value if random.random() < 0.3 else make(random)


def array(make: Make) -> Make:
    return lambda random: [make(random) for _ in range(random.choice([0, 0, 1, 3, 20]))]


def mapping(key: Make, value: Make) -> Make:
    return lambda random: {key(random): value(random) for _ in range(random.choice([0, 1, 4]))}


def row(*makes: Make) -> Make:
    return lambda random: tuple(make(random) for make in makes)


def one_of(*values: Any) -> Make:
    return lambda random: random.choice(values)


def document(random: Random) -> dict[str, Any]:
    values = [1, -(2**40), 1.5, "text", True, ["a", "b"], [1, 2, 3], {"deep": {"er": "x"}}, [{"x": 1}, {"y": "2"}]]
    return {key: random.choice(values) for key in random.sample("abcde", k=random.randint(0, 5))}


WORDS = one_of("", "a", "bee", "ça va", "x" * 200)
MAKES: dict[str, Make] = {
    **{f"Int{bits}": whole(bits, signed=True) for bits in (8, 16, 32, 64, 128, 256)},
    **{f"UInt{bits}": whole(bits, signed=False) for bits in (8, 16, 32, 64, 128, 256)},
    "Bool": one_of(True, False),
    "Float32": either(float("inf"), float32),
    "Float64": either(float("-inf"), lambda random: random.uniform(-1e300, 1e300)),
    "String": text,
    "FixedString(7)": letters(7),
    "Date": day(EPOCH, date(2149, 6, 6)),
    "Date32": day(date(1900, 1, 1), date(2299, 12, 31)),
    "DateTime": moment(None, 0),
    "DateTime('Asia/Tokyo')": moment(TOKYO, 0),
    "DateTime64(3, 'Asia/Tokyo')": moment(TOKYO, 1000),
    "DateTime64(6)": moment(None, 1),
    "UUID": lambda random: UUID(int=random.choice([0, 2**128 - 1, random.getrandbits(128)])),
    "IPv4": lambda random: IPv4Address(random.getrandbits(32)),
    "IPv6": lambda random: IPv6Address(random.getrandbits(128)),
    "Enum8('a' = -128, 'it\\'s' = 0, 'c, d)' = 127)": one_of("a", "it's", "c, d)"),
    "Enum16('low' = -32768, 'high' = 32767)": one_of("low", "high"),
    "Decimal32(4)": decimal(9, 4),
    "Decimal64(9)": decimal(18, 9),
    "Decimal128(20)": decimal(38, 20),
    "Decimal256(38)": decimal(76, 38),
    "Decimal(5, 0)": decimal(5, 0),
    "Nullable(String)": either(None, text),
    "Nullable(Int256)": either(None, whole(256, signed=True)),
    "Nullable(Decimal(18, 2))": either(None, decimal(18, 2)),
    "Nullable(DateTime64(3, 'UTC'))": either(None, moment(ZoneInfo("UTC"), 1000)),
    "Nullable(UUID)": either(None, lambda random: UUID(int=random.getrandbits(128))),
    "LowCardinality(String)": WORDS,
    "LowCardinality(Nullable(String))": either(None, WORDS),
    "LowCardinality(FixedString(3))": one_of("abc", "def"),
    "LowCardinality(UInt32)": one_of(*range(0, 300_000, 1000)),
    "LowCardinality(Date)": day(date(2026, 1, 1), date(2026, 12, 31)),
    "Array(String)": array(text),
    "Array(Nullable(Int64))": array(either(None, whole(64, signed=True))),
    "Array(Array(Array(UInt8)))": array(array(array(whole(8, signed=False)))),
    "Array(LowCardinality(Nullable(String)))": array(either(None, WORDS)),
    "Array(DateTime('Pacific/Auckland'))": array(moment(AUCKLAND, 0)),
    "Map(String, UInt64)": mapping(text, whole(64, signed=False)),
    "Map(LowCardinality(String), Array(Nullable(String)))": mapping(WORDS, array(either(None, text))),
    "Map(UUID, Map(UInt8, Bool))": mapping(
        lambda random: UUID(int=random.getrandbits(128)), mapping(whole(8, signed=False), one_of(True, False))
    ),
    "Tuple(UInt8, String, Array(Float64))": row(whole(8, signed=False), text, array(one_of(0.5, -1.0))),
    "Tuple(a Int8, `b c` Nullable(String))": row(whole(8, signed=True), either(None, text)),
    "Array(Tuple(LowCardinality(String), Tuple(x Date, y Decimal(9, 3))))": array(
        row(WORDS, row(day(EPOCH, date(2100, 1, 1)), decimal(9, 3)))
    ),
    "SimpleAggregateFunction(anyLast, Nullable(String))": either(None, text),
    "SimpleAggregateFunction(sum, UInt64)": whole(64, signed=False),
    "Point": row(one_of(0.0, -1.5), one_of(2.25)),
    "Polygon": array(array(row(one_of(0.0, 1.0), one_of(2.0)))),
    "JSON": document,
}
SETTINGS = {"allow_suspicious_low_cardinality_types": 1, "namedtuple_as_json": False, "use_numpy": False}


@pytest.mark.parametrize("kind", MAKES)
def test_values_come_back_as_they_went(clickhouse: Database, kind: str) -> None:
    random = Random(kind)
    values = [MAKES[kind](random) for _ in range(ROWS)]
    rows = [(n, value, "after") for n, value in enumerate(values)]
    with clickhouse.another_client(compression=random.choice([False, True]), settings=SETTINGS) as client:
        client.execute(f"CREATE TABLE t (n UInt32, v {kind}, after String) ENGINE = Memory")

        client.execute("INSERT INTO t VALUES", rows, settings={"insert_block_size": 170})

        read, columns = client.execute("SELECT n, v, after FROM t ORDER BY n", with_column_types=True)
        assert read == rows
        assert columns[1] == ("v", client.execute("SELECT toTypeName(v) FROM t LIMIT 1")[0][0])
        assert client.execute("SELECT v FROM t WHERE n > 1000") == []


@pytest.mark.parametrize("compression", [False, True])
def test_more_rows_than_one_block_has_come_back(clickhouse: Database, compression: bool) -> None:
    kinds = ["UInt64", "Nullable(String)", "LowCardinality(String)", "Array(UInt8)", "DateTime('Asia/Tokyo')"]
    random, n = Random(7), 70_000
    makes = [MAKES[kind] for kind in kinds[:1]] + [either(None, WORDS), WORDS, array(one_of(1, 2)), moment(TOKYO, 0)]
    columns = [[make(random) for _ in range(n)] for make in makes]
    with clickhouse.another_client(compression=compression) as client:
        listed = ", ".join(f"c{place} {kind}" for place, kind in enumerate(kinds))
        client.execute(f"CREATE TABLE t ({listed}) ENGINE = Memory")

        assert client.execute("INSERT INTO t VALUES", columns, columnar=True) == n

        assert [list(each) for each in client.execute("SELECT * FROM t", columnar=True)] == columns


@pytest.mark.parametrize(
    ("expression", "value", "kind"),
    [
        ("NULL", None, "Nullable(Nothing)"),
        ("[]", [], "Array(Nothing)"),
        ("[NULL]", [None], "Array(Nullable(Nothing))"),
        ("INTERVAL 3 DAY", 3, "IntervalDay"),
        ("toIntervalSecond(-5)", -5, "IntervalSecond"),
        ("nan != nan", 1, "UInt8"),
        ("(1, 'a')", (1, "a"), "Tuple(UInt8, String)"),
        ("map('a', 1)", {"a": 1}, "Map(String, UInt8)"),
        ("toDecimal256('1.5', 60)", Decimal("1.5"), "Decimal(76, 60)"),
        ('\'{"a": {"b": [1, 2]}, "c": null}\'::JSON', {"a": {"b": [1, 2]}}, "JSON"),
    ],
)
def test_types_that_only_queries_make_are_read(clickhouse: Database, expression: str, value: Any, kind: str) -> None:
    read, columns = clickhouse.client.execute(f"SELECT {expression} AS v", with_column_types=True)

    assert read == [(value,)]
    assert columns == [("v", kind)]


def test_json_may_be_read_as_text(clickhouse: Database) -> None:
    clickhouse.client.execute("CREATE TABLE t (v JSON) ENGINE = Memory")
    clickhouse.client.execute("INSERT INTO t VALUES", [({"a": {"b": 1}},), ('{"c": ["x"]}',)])

    read = clickhouse.client.execute("SELECT toString(v) FROM t")

    assert read == [('{"a":{"b":1}}',), ('{"c":["x"]}',)]


@pytest.mark.parametrize("flatten", [0, 1])
def test_nested_columns_come_back(clickhouse: Database, flatten: int) -> None:
    client = clickhouse.client
    client.execute(
        "CREATE TABLE t (col Nested(name String, version UInt32)) ENGINE = Memory", settings={"flatten_nested": flatten}
    )
    rows = [([("a", 1), ("b", 2)],), ([],)] if not flatten else [(["a", "b"], [1, 2]), ([], [])]

    client.execute("INSERT INTO t VALUES", rows)

    assert client.execute("SELECT * FROM t", settings={"namedtuple_as_json": False}) == rows


@pytest.mark.parametrize("value", [b"\xff\xfe\0", b"", "caf\u00e9".encode("latin-1")])
def test_bytes_that_are_no_text_come_back(clickhouse: Database, value: bytes) -> None:
    with clickhouse.another_client(settings={"strings_as_bytes": True}) as client:
        client.execute("CREATE TABLE t (s String, f FixedString(8)) ENGINE = Memory")
        client.execute("INSERT INTO t VALUES", [(value, value)])

        assert client.execute("SELECT * FROM t") == [(value, value.ljust(8, b"\0"))]
