"""What the documentation of `clickhouse-driver` promises its readers, tried one promise after the other.

https://clickhouse-driver.readthedocs.io: quickstart, features, miscellaneous, supported types.
"""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_DNS, uuid5

import numpy
import pandas
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException, TypeMismatchError

from infra.local.processes.ports import LOOPBACK, free_ports
from tests.support.clickhouse import Database


@pytest.fixture
def client(clickhouse: Database) -> Any:
    """A client of a database with one table."""
    clickhouse.client.execute("CREATE TABLE test (x Int32) ENGINE = Memory")
    return clickhouse.client


def test_quickstart_select(client: Client) -> None:
    assert ("default",) in client.execute("SHOW DATABASES")
    assert client.execute("SELECT * FROM system.numbers LIMIT 5") == [(0,), (1,), (2,), (3,), (4,)]
    day = date(2018, 10, 21)
    assert client.execute("SELECT %(date)s, %(a)s + %(b)s", {"date": day, "a": 1, "b": 2}) == [("2018-10-21", 3)]
    assert client.execute("SELECT 'test' LIKE '%%es%%', %(x)s", {"x": 1}) == [(1, 1)]


def test_quickstart_progress_until_it_takes_too_long(client: Client) -> None:
    progress = client.execute_with_progress(
        "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(toString(number))"
    )
    for rows, total in progress:
        assert 0 < rows <= total == 100_000_000_000
        client.cancel()
        break
    assert client.execute("SELECT 1") == [(1,)]

    progress = client.execute_with_progress("SELECT max(number) FROM numbers(100)")
    assert [each for each in progress if each[0] > each[1]] == []
    assert progress.get_result() == [(99,)]


def test_quickstart_streaming(client: Client) -> None:
    query = "SELECT number, toString(number) FROM numbers(250000)"
    rows = client.execute_iter(query, settings={"max_block_size": 100_000}, with_column_types=True)

    assert next(rows) == [("number", "UInt64"), ("toString(number)", "String")]
    assert sum(1 for _ in rows) == 250_000


def test_quickstart_insert(client: Client) -> None:
    assert client.execute("INSERT INTO test (x) VALUES", [{"x": 1}, {"x": 2}, {"x": 3}, {"x": 100}]) == 4
    assert client.execute("INSERT INTO test (x) VALUES", [[200]]) == 1
    assert client.execute("INSERT INTO test (x) VALUES", ((x,) for x in range(5))) == 5
    limited = "INSERT INTO test (x) SELECT * FROM system.numbers LIMIT %(limit)s"
    assert client.execute(limited, {"limit": 5}) == []
    assert client.execute("SELECT count(), sum(x) FROM test") == [(15, 326)]


def test_quickstart_ddl(client: Client) -> None:
    assert client.execute("DROP TABLE IF EXISTS test") == []
    assert client.execute("CREATE TABLE test (x Int32) ENGINE = Memory") == []
    assert client.execute("ALTER TABLE test ADD COLUMN y String") == []
    assert client.execute("TRUNCATE TABLE test") == []


def test_a_generator_that_fails_in_the_middle_leaves_nothing(client: Client) -> None:
    def rows() -> Iterator[tuple[int]]:
        yield from ((x,) for x in range(10))
        raise RuntimeError("no more of them")

    with pytest.raises(RuntimeError, match="no more"):
        client.execute("INSERT INTO test VALUES", rows(), settings={"insert_block_size": 3})

    assert client.execute("SELECT count() FROM test") == [(0,)]


def test_features_external_data(client: Client) -> None:
    tables = [
        {
            "name": "ext",
            "structure": [("x", "Int32"), ("y", "Array(Int32)")],
            "data": [{"x": 100, "y": [2, 4, 6, 8]}, {"x": 500, "y": [1, 3, 5, 7]}],
        }
    ]

    assert client.execute("SELECT sum(x), sum(length(y)) FROM ext", external_tables=tables) == [(600, 8)]


def test_features_settings(clickhouse: Database) -> None:
    asked = "SELECT getSetting('max_threads'), getSetting('priority')"
    with clickhouse.another_client(settings={"max_threads": 2, "brand_new_setting": 42}) as client:
        assert client.execute(asked) == [(2, 0)]
        assert client.execute(asked, settings={"max_threads": 3, "priority": 10}) == [(3, 10)]
        assert list(client.execute_iter(asked, settings={"max_threads": 1})) == [(1, 0)]
        assert client.execute(asked) == [(2, 0)]


def test_features_query_id(client: Client) -> None:
    assert client.execute("SELECT 1", query_id=str(uuid5(NAMESPACE_DNS, "query"))) == [(1,)]


def test_features_columnar_and_checked_types(client: Client) -> None:
    assert client.execute("SELECT arrayJoin(range(3))", columnar=True) == [(0, 1, 2)]
    with pytest.raises(TypeMismatchError):
        client.execute("INSERT INTO test (x) VALUES", [("abc",)], types_check=True)
    assert client.execute("INSERT INTO test (x) VALUES", [(7,)], types_check=True) == 1


def test_features_statistics(client: Client) -> None:
    client.execute("SELECT max(number) FROM numbers(10)")

    progress = client.last_query.progress
    assert (progress.rows, progress.bytes, progress.total_rows, progress.total_bytes) == (10, 80, 10, 0)
    assert client.last_query.elapsed > 0


def test_features_a_query_that_asks_for_logs_runs(client: Client) -> None:
    assert client.execute("SELECT 1", settings={"send_logs_level": "debug"}) == [(1,)]


def test_features_multiple_hosts(clickhouse: Database) -> None:
    there = urlsplit(clickhouse.server.url()).netloc
    closed = free_ports(1)[0]
    with clickhouse.another_client(host=LOOPBACK, port=closed, alt_hosts=there) as client:
        assert client.execute("SELECT 1") == [(1,)]
    with clickhouse.another_client(alt_hosts=f"{there},{there}", round_robin=True) as client:
        assert [client.execute("SELECT %(n)s", {"n": n}) for n in range(4)] == [[(n,)] for n in range(4)]


def test_features_numpy_and_data_frames(clickhouse: Database) -> None:
    with clickhouse.another_client(settings={"use_numpy": True}) as client:
        (numbers,) = client.execute("SELECT * FROM system.numbers LIMIT 10000", columnar=True)
        assert numpy.array_equal(numbers, numpy.arange(10_000, dtype=numpy.uint64))
        client.execute("CREATE TABLE frames (x Int64, y Nullable(Int64), s String) ENGINE = Memory")
        frame = pandas.DataFrame({"x": numpy.arange(100), "y": numpy.arange(100), "s": ["a"] * 100})
        assert client.insert_dataframe("INSERT INTO frames VALUES", frame) == 100
        read = client.query_dataframe("SELECT x, x + 100 AS more FROM frames ORDER BY x")
        assert list(read.columns) == ["x", "more"]
        assert read["more"].sum() == sum(range(100, 200))


def test_miscellaneous_client_from_url(clickhouse: Database) -> None:
    url = f"{clickhouse.server.url(clickhouse.name)}?client_name=mine&compression=lz4&max_threads=2"
    with Client.from_url(url) as client:
        assert client.execute("SELECT currentDatabase(), getSetting('max_threads')") == [(clickhouse.name, 2)]


def test_miscellaneous_rows_of_csv_and_json_files(clickhouse: Database, tmp_path: Path) -> None:
    rows = [("2019-08-01 15:23:14", "first", 5), ("2019-08-05 09:14:45", "second, with a comma", 3)]
    as_csv, as_json = tmp_path / "orders.csv", tmp_path / "orders.json"
    with as_csv.open("w", newline="") as file:
        csv.writer(file).writerows([("time", "order", "qty"), *rows])
    as_json.write_text("\n".join(json.dumps(dict(zip(("time", "order", "qty"), row, strict=True))) for row in rows))
    clickhouse.client.execute("CREATE TABLE orders (time DateTime, `order` String, qty Int32) ENGINE = Memory")

    def typed(line: dict[str, Any]) -> dict[str, Any]:
        return {**line, "time": datetime.fromisoformat(line["time"]), "qty": int(line["qty"])}

    with as_csv.open(newline="") as lines, as_json.open() as documents:
        insert = "INSERT INTO orders VALUES"
        assert clickhouse.client.execute(insert, (typed(line) for line in csv.DictReader(lines))) == 2
        assert clickhouse.client.execute(insert, (typed(json.loads(line)) for line in documents)) == 2

    read = clickhouse.client.execute("SELECT DISTINCT time, `order`, qty FROM orders ORDER BY time")
    assert read == [(datetime.fromisoformat(time), order, qty) for time, order, qty in rows]


def test_miscellaneous_null_as_default(clickhouse: Database, client: Client) -> None:
    with clickhouse.another_client(settings={"input_format_null_as_default": True}) as forgiving:
        forgiving.execute("INSERT INTO test (x) VALUES", [(None,), (1,)])
    assert client.execute("SELECT x FROM test ORDER BY x") == [(0,), (1,)]


def test_inserts_may_be_asked_to_be_asynchronous(client: Client) -> None:
    settings = {"async_insert": 1, "wait_for_async_insert": 1}

    assert client.execute("INSERT INTO test (x) VALUES", [(1,), (2,)], settings=settings) == 2

    assert client.execute("SELECT count() FROM test") == [(2,)]


class Colour(IntEnum):
    """As the documentation shows enums."""

    red = 1
    blue = 2


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        ("Enum8('red' = 1, 'blue' = 2)", [Colour.red, "blue", 1], ["red", "blue", "red"]),
        (
            "IPv4",
            ["192.168.253.42", 167772161, IPv4Address("1.2.3.4")],
            [IPv4Address("192.168.253.42"), IPv4Address("10.0.0.1"), IPv4Address("1.2.3.4")],
        ),
        ("IPv6", ["::1", IPv6Address("12ff::1")], [IPv6Address("::1"), IPv6Address("12ff::1")]),
        ("Array(Int32)", [[10, 20], (30,)], [[10, 20], [30]]),
        ("DateTime('UTC')", [0], [datetime.fromisoformat("1970-01-01T00:00:00+00:00")]),
        ("Date", [datetime(2026, 1, 2, 3)], [date(2026, 1, 2)]),
    ],
)
def test_types_take_what_the_documentation_lists(
    clickhouse: Database, kind: str, given: list[Any], read: list[Any]
) -> None:
    clickhouse.client.execute(f"CREATE TABLE t (x {kind}) ENGINE = Memory")

    clickhouse.client.execute("INSERT INTO t (x) VALUES", [{"x": value} for value in given])

    assert clickhouse.client.execute("SELECT * FROM t") == [(value,) for value in read]


def test_types_texts_in_another_encoding(clickhouse: Database) -> None:
    settings = {"strings_encoding": "cp1251"}
    clickhouse.client.execute("CREATE TABLE t (s String) ENGINE = Memory")

    clickhouse.client.execute("INSERT INTO t VALUES", [("кириллица",)], settings=settings)

    assert clickhouse.client.execute("SELECT s FROM t", settings=settings) == [("кириллица",)]
    assert clickhouse.client.execute("SELECT s FROM t") == [("кириллица".encode("cp1251"),)]


def test_an_error_tells_its_code_and_the_connection_can_be_used_again(client: Client) -> None:
    with pytest.raises(ServerException) as raised:
        client.execute("SELECT * FROM no_such_table")

    assert raised.value.code == 60
    assert "UNKNOWN_TABLE" in raised.value.message
    assert client.execute("SELECT 1") == [(1,)]
