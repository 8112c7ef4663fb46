"""What a server tells beside the rows: progress, what a result came to, totals; and what a query may bring along."""

import threading
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clickhouse_driver.errors import ServerException

from tests.support.clickhouse import Database
from tests.support.eventually import eventually_sync

KINDS = [("a", 1), ("b", 2), ("a", 3)]


def test_progress_is_told_while_nothing_else_is(clickhouse: Database) -> None:
    slow = "SELECT max(number) FROM numbers(12) WHERE sleepEachRow(0.1) = 0"

    progress = clickhouse.client.execute_with_progress(slow, settings={"max_block_size": 1})
    told = list(progress)

    assert progress.get_result() == [(11,)]
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == (12, 12)


def test_the_last_query_knows_what_it_came_to(clickhouse: Database) -> None:
    client = clickhouse.client
    client.execute("SELECT max(number) FROM numbers(1000)")

    progress, profile = client.last_query.progress, client.last_query.profile_info
    assert (progress.rows, progress.bytes, progress.total_rows) == (1000, 8000, 1000)
    assert (profile.rows, profile.blocks) == (1, 1)
    assert profile.bytes > 0
    client.execute("SELECT sleep(0.2)")
    assert 0.2 <= client.last_query.elapsed < 10


@pytest.mark.parametrize("insert", ["INSERT INTO t VALUES", "INSERT INTO t SELECT number FROM numbers(500)"])
def test_an_insert_tells_what_it_wrote(clickhouse: Database, insert: str) -> None:
    clickhouse.client.execute("CREATE TABLE t (x UInt64) ENGINE = Memory")

    clickhouse.client.execute(insert, [(x,) for x in range(500)] if insert.endswith("VALUES") else None)

    assert clickhouse.client.last_query.progress.written_rows == 500
    assert clickhouse.client.last_query.progress.written_bytes >= 4000


def test_a_ping_is_answered_between_queries_and_after_an_error(clickhouse: Database) -> None:
    client = clickhouse.client
    for query in ("SELECT 1", "SELECT nothing_of_that_name"):
        try:
            client.execute(query)
        except ServerException:
            client.connection.connect()
        assert client.connection.ping()
        assert client.connection.ping()


def test_totals_come_after_the_rows(clickhouse: Database) -> None:
    at = "toDateTime(max(n), 'Asia/Tokyo')"
    query = f"SELECT k, sum(n) AS s, avg(n), max(nan), {at} FROM given GROUP BY k WITH TOTALS ORDER BY k"
    given = {"name": "given", "structure": [("k", "LowCardinality(String)"), ("n", "Int32")], "data": KINDS}

    rows, columns = clickhouse.client.execute(query, external_tables=[given], with_column_types=True)

    assert [row[:3] for row in rows] == [("a", 4, 2.0), ("b", 2, 2.0), ("", 6, 2.0)]
    assert columns[:2] == [("k", "LowCardinality(String)"), ("s", "Int64")]
    assert all(row[3] != row[3] for row in rows)
    assert [row[4].timestamp() for row in rows] == [3, 2, 3]
    assert {str(row[4].tzinfo) for row in rows} == {"Asia/Tokyo"}


def test_extremes_come_after_the_rows(clickhouse: Database) -> None:
    query = "SELECT number AS n, toString(number) AS s FROM numbers(5)"

    assert clickhouse.client.execute(query, settings={"extremes": 1})[5:] == [(0, "0"), (4, "4")]
    assert clickhouse.client.execute(query)[5:] == []


def test_blocks_are_as_large_as_they_are_asked_for(clickhouse: Database) -> None:
    rows = clickhouse.client.execute_iter(
        "SELECT number FROM system.numbers LIMIT 1000", settings={"max_block_size": 10}
    )

    assert [number for (number,) in rows] == list(range(1000))
    assert clickhouse.client.last_query.profile_info.blocks == 100


def test_the_server_has_a_time_zone_and_a_version(clickhouse: Database) -> None:
    clickhouse.client.execute("SELECT 1")
    server = clickhouse.client.connection.server_info

    assert ZoneInfo(server.timezone).key == server.timezone
    assert clickhouse.client.execute("SELECT timezone()") == [(server.timezone,)]
    version = ".".join(map(str, server.version_tuple()))
    assert clickhouse.client.execute("SELECT version()")[0][0].startswith(version)


def test_external_tables_are_there_for_their_query_only(clickhouse: Database) -> None:
    client = clickhouse.client
    kinds = {"name": "kinds", "structure": [("k", "String"), ("n", "Nullable(Int32)")], "data": [("a", 1), ("b", None)]}
    many = {"name": "ma`ny", "structure": [("x", "Array(UInt8)")], "data": [([1, 2],)] * 100_000}
    empty = {"name": "empty", "structure": [("s", "String")], "data": []}
    pairs, sums, counts = "groupArray((k, n)) FROM kinds", "sum(length(x)) FROM `ma``ny`", "count() FROM empty"
    query = f"SELECT (SELECT {pairs}), (SELECT {sums}), (SELECT {counts})"

    assert client.execute(query, external_tables=[kinds, many, empty]) == [([("a", 1), ("b", None)], 200_000, 0)]

    for each in ("kinds", "empty"):
        with pytest.raises(ServerException) as raised:
            client.execute(f"SELECT * FROM {each}")
        assert raised.value.code == 60
    client.execute("CREATE TABLE t (k String, n Nullable(Int32)) ENGINE = Memory")
    client.execute("INSERT INTO t SELECT * FROM kinds", external_tables=[kinds])
    assert client.execute("SELECT count() FROM t") == [(2,)]


def test_an_external_table_goes_when_its_query_fails(clickhouse: Database) -> None:
    given = {"name": "given", "structure": [("n", "Int32")], "data": [(1,)]}
    client = clickhouse.client
    for _ in range(2):
        with pytest.raises(ServerException) as raised:
            client.execute("SELECT throwIf(n = 1) FROM given", external_tables=[given])
        assert raised.value.code == 395


def test_a_temporary_table_is_its_connections_own(clickhouse: Database) -> None:
    clickhouse.client.execute("CREATE TEMPORARY TABLE mine (x UInt8)")
    clickhouse.client.execute("INSERT INTO mine VALUES", [(1,)])

    assert clickhouse.client.execute("SELECT * FROM mine") == [(1,)]
    with clickhouse.another_client() as other, pytest.raises(ServerException) as raised:
        other.execute("SELECT * FROM mine")
    assert raised.value.code == 60


def test_a_setting_of_the_session_outlives_that_of_a_query(clickhouse: Database) -> None:
    asked = "SELECT getSetting('max_block_size'), getSetting('log_comment')"
    clickhouse.client.execute("SET max_block_size = 123, log_comment = 'of the session'")

    within = clickhouse.client.execute(asked, settings={"max_block_size": 7, "log_comment": "of the query"})

    assert within == [(7, "of the query")]
    assert clickhouse.client.execute(asked) == [(123, "of the session")]


def test_an_unknown_setting_in_a_statement_is_refused(clickhouse: Database) -> None:
    for statement in ("SET nosuch = 1", "SELECT 1 SETTINGS nosuch = 1"):
        with pytest.raises(ServerException) as raised:
            clickhouse.client.execute(statement)
        assert raised.value.code == 115


def test_a_select_runs_once(clickhouse: Database) -> None:
    """Also where it has times with a zone, whose name the engine leaves out of its blocks."""
    query = "SELECT toDateTime(number, 'Asia/Tokyo') AS at, sleepEachRow(0.01) FROM numbers(3)"
    before = rows_slept(clickhouse)

    clickhouse.client.execute(query)

    assert clickhouse.client.last_query.progress.rows == 3
    assert rows_slept(clickhouse) - before == 3


def rows_slept(clickhouse: Database) -> int:
    """For how many rows the server has slept so far."""
    told = clickhouse.client.execute("SELECT value FROM system.events WHERE event = 'SleepFunctionCalls'")
    return int(told[0][0]) if told else 0


def test_a_client_that_says_nothing_keeps_nobody_waiting(clickhouse: Database) -> None:
    """One in the middle of an insert, one that does not read its result."""
    clickhouse.client.execute("CREATE TABLE t (x UInt64) ENGINE = Memory")
    with clickhouse.another_client() as inserting, clickhouse.another_client() as idle:
        inserting.establish_connection({})
        inserting.connection.send_query("INSERT INTO t VALUES")
        inserting.connection.send_external_tables([])
        assert inserting.receive_sample_block().columns_with_types == [("x", "UInt64")]
        idle.establish_connection({})
        idle.connection.send_query("SELECT number FROM system.numbers")
        idle.connection.send_external_tables([])

        assert clickhouse.client.execute("SELECT count() FROM t") == [(0,)]


def test_clients_ask_side_by_side_under_ids_of_their_own(clickhouse: Database) -> None:
    answers: dict[int, Any] = {}

    def ask(number: int) -> None:
        with clickhouse.another_client(compression=number % 2 == 0) as client:
            answers[number] = client.execute(
                "SELECT sum(number) FROM numbers(%(n)s)", {"n": number}, query_id=f"{clickhouse.name}-{number}"
            )

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()

    eventually_sync(lambda: len(answers) == 12)
    assert answers == {number: [(number * (number - 1) // 2,)] for number in range(12)}
