"""What the documentation of `clickhouse-driver` promises of its DB API 2.0.

https://clickhouse-driver.readthedocs.io: features, Python DB API 2.0.
"""

import pytest
from clickhouse_driver import connect
from clickhouse_driver.dbapi.errors import OperationalError
from clickhouse_driver.dbapi.extras import DictCursor, NamedTupleCursor

from tests.support.clickhouse import Database


def test_a_cursor_writes_and_reads(clickhouse: Database) -> None:
    with connect(clickhouse.server.url(clickhouse.name)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test (x Int32) ENGINE = Memory")
        cursor.execute("SHOW TABLES")
        assert cursor.fetchall() == [("test",)]
        cursor.executemany("INSERT INTO test (x) VALUES", [{"x": 100}, {"x": 200}])
        assert cursor.rowcount == 2
        cursor.execute("INSERT INTO test (x) SELECT * FROM system.numbers LIMIT %(limit)s", {"limit": 3})
        cursor.execute("SELECT x FROM test ORDER BY x")
        assert [column[:2] for column in cursor.description] == [("x", "Int32")]
        assert cursor.fetchone() == (0,)
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert cursor.fetchall() == [(100,), (200,)]
        connection.commit()
        with pytest.raises(OperationalError):
            cursor.execute("SELECT nothing_of_that_name")


def test_a_cursor_takes_settings_streams_and_external_tables(clickhouse: Database) -> None:
    with connect(clickhouse.server.url(clickhouse.name)) as connection, connection.cursor() as cursor:
        cursor.set_settings({"max_block_size": 10})
        cursor.set_stream_results(True, max_row_buffer=5)
        cursor.execute("SELECT number FROM numbers(100)")
        assert list(cursor) == [(n,) for n in range(100)]
        cursor.set_stream_results(False, max_row_buffer=0)
        cursor.set_external_table("ext", [("x", "Int32")], [(1,), (2,)])
        cursor.execute("SELECT sum(x) FROM ext")
        assert cursor.fetchall() == [(3,)]
        assert cursor.columns_with_types == [("sum(x)", "Int64")]


def test_rows_may_have_names(clickhouse: Database) -> None:
    query = "SELECT 1 AS one, 'x' AS letter"
    with connect(clickhouse.server.url(clickhouse.name)) as connection:
        with connection.cursor(cursor_factory=DictCursor) as cursor:
            cursor.execute(query)
            assert cursor.fetchall() == [{"one": 1, "letter": "x"}]
        with connection.cursor(cursor_factory=NamedTupleCursor) as cursor:
            cursor.execute(query)
            assert cursor.fetchone().letter == "x"
