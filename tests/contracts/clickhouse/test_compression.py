"""Blocks compressed both ways."""

import pytest
from clickhouse_driver import Client

from tests.support.clickhouse import Database

N = 70_000
QUERY = "SELECT number, repeat('row ', number % 40) || toString(cityHash64(number)) FROM numbers(200000)"


@pytest.mark.parametrize("method", [True, "lz4", "lz4hc", "zstd"])
def test_a_compressed_conversation_says_the_same(clickhouse: Database, method: str | bool) -> None:
    clickhouse.client.execute("CREATE TABLE t (x UInt64, s LowCardinality(String), a Array(String)) ENGINE = Memory")
    rows = [(x, f"kind {x % 7}", ["same text"] * (x % 3)) for x in range(N)]
    with clickhouse.another_client(compression=method) as compressing:
        assert compressing.execute("INSERT INTO t VALUES", rows, settings={"insert_block_size": 40_000}) == N
        assert compressing.execute("SELECT * FROM t ORDER BY x") == rows
        assert compressing.execute("SELECT 1 WHERE 0") == []
        assert compressing.execute(QUERY) == clickhouse.client.execute(QUERY)


def test_compression_can_be_asked_for_in_the_address(clickhouse: Database) -> None:
    with Client.from_url(f"{clickhouse.server.url(clickhouse.name)}?compression=lz4") as compressing:
        assert compressing.execute("SELECT count() FROM numbers(10)") == [(10,)]
        assert compressing.connection.compression == 1


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_texts_of_every_size_pass_the_frames(clickhouse: Database, size: int) -> None:
    with clickhouse.another_client(compression=True) as compressing:
        compressing.execute("CREATE TABLE t (s String) ENGINE = Memory")
        compressing.execute("INSERT INTO t VALUES", [("x" * size,)])

        assert compressing.execute("SELECT s, length(s) FROM t") == [("x" * size, size)]


def test_external_tables_and_totals_are_compressed_too(clickhouse: Database) -> None:
    given = {"name": "given", "structure": [("k", "String"), ("n", "Int32")], "data": [("a", 1), ("b", 2), ("a", 3)]}
    with clickhouse.another_client(compression=True) as compressing:
        read = compressing.execute(
            "SELECT k, sum(n) FROM given GROUP BY k WITH TOTALS ORDER BY k", external_tables=[given]
        )

    assert read == [("a", 4), ("b", 2), ("", 6)]
