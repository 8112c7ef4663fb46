"""What `clickhouse-driver` may rely on when it writes."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from clickhouse_driver.errors import ServerException

from tests.support.clickhouse import Database

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
EVERY_TYPE: list[tuple[str, list[Any]]] = [
    *((f"Int{bits}", [-(2 ** (bits - 1)), 0, 2 ** (bits - 1) - 1]) for bits in (8, 16, 32, 64, 128, 256)),
    *((f"UInt{bits}", [0, 1, 2**bits - 1]) for bits in (8, 16, 32, 64, 128, 256)),
    ("Float32", [0.5, -1.25, 3.0]),
    ("Float64", [0.1, -1e300, 0.0]),
    ("Bool", [True, False, True]),
    ("String", ["", "naïve ✓", "x" * 70_000]),
    ("FixedString(4)", ["abcd", "efgh", "ijkl"]),
    ("Date", [date(2026, 1, 2), date(1970, 1, 1), date(2100, 1, 1)]),
    ("Date32", [date(1900, 1, 2), date(2026, 1, 1), date(2299, 12, 31)]),
    ("DateTime", [NOON.replace(tzinfo=None), datetime(1970, 1, 1), datetime(2100, 1, 1)]),
    ("DateTime('Asia/Tokyo')", [datetime(2026, 1, 2, 21, tzinfo=ZoneInfo("Asia/Tokyo"))] * 3),
    ("DateTime64(3, 'UTC')", [NOON.replace(microsecond=123000), NOON, NOON]),
    ("UUID", [UUID(int=0), UUID(int=1), UUID(int=2**128 - 1)]),
    ("IPv4", [IPv4Address("1.2.3.4"), IPv4Address("0.0.0.0"), IPv4Address("255.255.255.255")]),
    ("Enum8('a,)' = 1, 'it\\'s' = 2)", ["a,)", "it's", "a,)"]),
    ("Enum16('x' = 1000, 'y' = -5)", ["x", "y", "x"]),
    ("Decimal(9, 2)", [Decimal("1.25"), Decimal("-3.50"), Decimal("0.00")]),
    ("Decimal(38, 10)", [Decimal("1.2500000000"), Decimal("-3.5000000000"), Decimal("0E-10")]),
    ("Decimal(76, 4)", [Decimal("1.2500"), Decimal("-3.5000"), Decimal("0.0000")]),
    ("Nullable(String)", [None, "", "x"]),
    ("Nullable(DateTime64(6, 'UTC'))", [None, NOON, None]),
    ("LowCardinality(String)", ["a", "b", "a"]),
    ("LowCardinality(Nullable(String))", [None, "b", "b"]),
    ("Array(UInt8)", [[], [1, 2], [3]]),
    ("Array(Array(Nullable(String)))", [[], [[], ["a", None]], [["b"]]]),
    ("Array(LowCardinality(String))", [["a"], [], ["a", "b"]]),
    ("Map(String, UInt64)", [{}, {"a": 1, "b": 2}, {"c": 3}]),
    ("Map(LowCardinality(String), Array(String))", [{}, {"a": ["x"]}, {"b": []}]),
    ("Tuple(UInt8, String)", [(1, "a"), (2, ""), (3, "c")]),
    ("Array(Tuple(name String, size Nullable(UInt8)))", [[("a", 1)], [], [("b", None), ("c", 3)]]),
    ("SimpleAggregateFunction(max, UInt64)", [1, 2, 3]),
]


@pytest.mark.parametrize(("kind", "values"), EVERY_TYPE, ids=[kind for kind, _ in EVERY_TYPE])
def test_values_of_every_type_come_back_as_they_went(clickhouse: Database, kind: str, values: list[Any]) -> None:
    clickhouse.client.execute(
        f"CREATE TABLE t (n UInt8, v {kind}, after String) ENGINE = MergeTree ORDER BY n",
        settings={"allow_suspicious_low_cardinality_types": 1},
    )
    rows = [(n, value, f"after {n}") for n, value in enumerate(values)]

    clickhouse.client.execute("INSERT INTO t (n, v, after) VALUES", rows)

    read = clickhouse.client.execute("SELECT n, v, after FROM t ORDER BY n", settings={"namedtuple_as_json": False})
    assert read == rows


def test_a_type_whose_bytes_are_not_known_is_named_in_a_clear_error(clickhouse: Database) -> None:
    clickhouse.client.execute("CREATE TABLE t (v String) ENGINE = Memory")
    rows = {"name": "given", "structure": [("v", "JSON(a Int64)")], "data": [{"v": "{}"}]}

    with pytest.raises(ServerException, match=r"columns of type JSON\(a Int64\) are not understood") as raised:
        clickhouse.client.execute("SELECT 1", external_tables=[rows])

    assert raised.value.code == 50
    assert clickhouse.client.execute("SELECT count() FROM t") == [(0,)]


@pytest.fixture
def table(clickhouse: Database) -> Database:
    clickhouse.client.execute(
        "CREATE TABLE t (x UInt64, s String DEFAULT 'unsaid', twice UInt64 MATERIALIZED x * 2) ENGINE = MergeTree "
        "ORDER BY x SETTINGS non_replicated_deduplication_window = 100"
    )
    return clickhouse


def count(database: Database) -> int:
    return int(database.client.execute("SELECT count() FROM t")[0][0])


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO t (x, s) VALUES",
        "INSERT INTO t(x,s) values ;",
        "INSERT INTO t (`x`, s) FORMAT Values",
        "INSERT INTO TABLE t (x, s) SETTINGS async_insert = 0 VALUES",
        "-- why\nINSERT INTO `t` VALUES",
        "insert into t FORMAT Native",
    ],
)
def test_every_manner_of_insert_takes_rows(table: Database, insert: str) -> None:
    assert table.client.execute(insert, [(1, "a"), (2, "b")]) == 2

    assert table.client.execute("SELECT x, s, twice FROM t ORDER BY x") == [(1, "a", 2), (2, "b", 4)]


def test_columns_that_an_insert_leaves_out_get_their_default(table: Database) -> None:
    table.client.execute("INSERT INTO t (x) VALUES", [{"x": 1}])

    assert table.client.execute("SELECT s FROM t") == [("unsaid",)]


def test_a_columnar_insert_of_many_blocks_is_whole(table: Database) -> None:
    n = 50_000
    numbers, texts = list(range(n)), [f"row {i}" * (i % 9) for i in range(n)]

    written = table.client.execute(
        "INSERT INTO t (x, s) VALUES", [numbers, texts], columnar=True, settings={"insert_block_size": 999}
    )

    assert written == n
    read = table.client.execute("SELECT count(), sum(x), sum(length(s)) FROM t")
    assert read == [(n, sum(numbers), sum(map(len, texts)))]


def test_an_insert_of_no_rows_writes_none(table: Database) -> None:
    assert table.client.execute("INSERT INTO t (x, s) VALUES", []) == 0

    assert count(table) == 0


def test_a_repeated_deduplication_token_writes_once(table: Database) -> None:
    for token, expected in (("answers-0-0-9", 10), ("answers-0-0-9", 10), ("answers-0-10-19", 20)):
        table.client.execute(
            "INSERT INTO t (x, s) VALUES",
            [list(range(10)), ["same"] * 10],
            columnar=True,
            settings={"insert_deduplication_token": token, "async_insert": 0},
        )
        assert count(table) == expected


def test_an_error_before_and_after_the_rows_writes_nothing(table: Database) -> None:
    table.client.execute("ALTER TABLE t ADD CONSTRAINT small CHECK x < 10")

    for insert, rows, code in (
        ("INSERT INTO no_such_table VALUES", [(1,)], 60),
        ("INSERT INTO t (no_such_column) VALUES", [(1,)], 47),
        ("INSERT INTO t (x) VALUES", [(1,), (99,)], 469),
    ):
        with pytest.raises(ServerException) as raised:
            table.client.execute(insert, rows)
        assert raised.value.code == code
    assert count(table) == 0


def test_clients_insert_side_by_side(table: Database) -> None:
    def insert(first: int) -> None:
        with table.another_client() as client:
            for batch in range(10):
                start = first + batch * 100
                client.execute("INSERT INTO t (x) VALUES", [list(range(start, start + 100))], columnar=True)

    writers = [threading.Thread(target=insert, args=(each * 1000,)) for each in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert table.client.execute("SELECT count(), uniqExact(x), max(x) FROM t") == [(6000, 6000, 5999)]
