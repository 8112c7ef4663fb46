"""A query that nobody wants any more ends soon, whatever it is at."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import RowOrientedBlock
from clickhouse_driver.errors import PartiallyConsumedQueryError, ServerException

from tests.support.clickhouse import Database
from tests.support.eventually import eventually_sync

ROWS_WITHOUT_END = "SELECT number FROM system.numbers"
NO_ROW_FOR_LONG = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(cityHash64(toString(number)))"
SOON_S = 45.0


def running(database: Database) -> int:
    """How many queries of this test run."""
    asked = "SELECT count() FROM system.processes WHERE current_database = %(name)s AND query NOT LIKE '%%processes%%'"
    return int(database.client.execute(asked, {"name": database.name})[0][0])


def assert_nothing_runs(database: Database) -> None:
    eventually_sync(lambda: running(database) == 0, within_s=SOON_S, what="the end of every query")


@pytest.fixture
def asking(clickhouse: Database) -> Any:
    """A client that is in the middle of a query without end."""
    with clickhouse.another_client() as client:
        yield client


@pytest.mark.parametrize("query", [ROWS_WITHOUT_END, NO_ROW_FOR_LONG], ids=["rows", "no row"])
def test_a_cancelled_query_ends_and_the_connection_goes_on(clickhouse: Database, asking: Client, query: str) -> None:
    progress = asking.execute_with_progress(query)
    next(progress)

    started_s = time.monotonic()
    asking.cancel()

    assert time.monotonic() - started_s < SOON_S
    assert asking.execute("SELECT 1") == [(1,)]
    assert_nothing_runs(clickhouse)


def test_a_cancel_before_the_first_row_is_heard(clickhouse: Database, asking: Client) -> None:
    asking.establish_connection({})
    asking.connection.send_query(NO_ROW_FOR_LONG)
    asking.connection.send_external_tables([])

    assert asking.cancel() == []

    asking.connection.is_query_executing = False
    assert asking.execute("SELECT 1") == [(1,)]


def test_a_cancel_at_any_moment_leaves_nothing_in_later_answers(clickhouse: Database, asking: Client) -> None:
    """The engine keeps what a statement of its own had written when it was ended, and gives it with the next answer."""
    for pause_ms in range(100):
        asking.establish_connection({})
        asking.connection.send_query(NO_ROW_FOR_LONG)
        asking.connection.send_external_tables([])
        time.sleep(pause_ms / 5000)  # from the first thing the server does to the middle of the query

        assert asking.cancel() == []

        asking.connection.is_query_executing = False
        assert asking.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize("query", [ROWS_WITHOUT_END, NO_ROW_FOR_LONG], ids=["rows", "no row"])
def test_a_client_that_leaves_takes_its_query_with_it(clickhouse: Database, asking: Client, query: str) -> None:
    next(asking.execute_with_progress(query))
    eventually_sync(lambda: running(clickhouse) == 1, what="the query")

    asking.disconnect()

    assert_nothing_runs(clickhouse)


def test_rows_that_are_not_read_to_their_end_stop_with_the_next_query(clickhouse: Database, asking: Client) -> None:
    rows = asking.execute_iter(ROWS_WITHOUT_END)
    assert next(rows) == (0,)

    with pytest.raises(PartiallyConsumedQueryError):
        asking.execute("SELECT 1")

    assert asking.execute("SELECT 1") == [(1,)]
    assert_nothing_runs(clickhouse)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t SELECT number FROM system.numbers",
        "CREATE TABLE u ENGINE = Null AS SELECT 1 FROM system.numbers",
    ],
)
def test_a_statement_that_writes_ends_as_well(clickhouse: Database, asking: Client, statement: str) -> None:
    clickhouse.client.execute("CREATE TABLE t (x UInt64) ENGINE = Null")
    next(asking.execute_with_progress(statement))

    asking.cancel()

    assert_nothing_runs(clickhouse)


def test_a_cancelled_insert_leaves_nothing_and_the_connection_goes_on(clickhouse: Database, asking: Client) -> None:
    clickhouse.client.execute("CREATE TABLE t (x UInt64) ENGINE = Memory")
    asking.establish_connection({})
    asking.connection.send_query("INSERT INTO t VALUES")
    asking.connection.send_external_tables([])
    sample = asking.receive_sample_block()
    asking.connection.send_data(RowOrientedBlock(sample.columns_with_types, [(1,), (2,)]))

    assert asking.cancel() == []

    assert asking.execute("SELECT count() FROM t") == [(0,)]


def in_the_background(ask: Callable[[], Any]) -> tuple[threading.Thread, list[BaseException]]:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            ask()
        except ServerException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def test_a_query_can_be_killed_by_the_id_its_client_gave(clickhouse: Database, asking: Client) -> None:
    name = f"{clickhouse.name}-slow"
    thread, raised = in_the_background(lambda: asking.execute(NO_ROW_FOR_LONG, query_id=name))
    eventually_sync(lambda: running(clickhouse) == 1, what="the query")

    clickhouse.client.execute("KILL QUERY WHERE query_id = %(id)s SYNC", {"id": name})

    thread.join(SOON_S)
    assert [error.code for error in raised if isinstance(error, ServerException)] == [394]


def test_an_id_is_one_querys_at_a_time(clickhouse: Database, asking: Client) -> None:
    name = f"{clickhouse.name}-one"
    thread, raised = in_the_background(lambda: asking.execute(NO_ROW_FOR_LONG, query_id=name))
    eventually_sync(lambda: running(clickhouse) == 1, what="the query")

    with pytest.raises(ServerException) as refused:
        clickhouse.client.execute("SELECT 1", query_id=name)
    replaced = clickhouse.client.execute("SELECT 2", query_id=name, settings={"replace_running_query": 1})

    thread.join(SOON_S)
    assert refused.value.code == 216
    assert replaced == [(2,)]
    assert [error.code for error in raised if isinstance(error, ServerException)] == [394]


def test_who_leaves_takes_no_query_of_others_and_later_cancels_are_heard(clickhouse: Database) -> None:
    """Clients come, ask one after the other, and leave in the middle, all at once."""
    wrong: list[BaseException] = []

    def come_and_go() -> None:
        try:
            for _ in range(3):
                with clickhouse.another_client() as client:
                    for n in range(5):
                        assert client.execute("SELECT %(n)s", {"n": n}) == [(n,)]
                    next(client.execute_iter(ROWS_WITHOUT_END))
        except Exception as error:  # told below, in the test's own thread
            wrong.append(error)

    coming = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in coming:
        thread.start()
    for thread in coming:
        thread.join()

    assert wrong == []
    assert_nothing_runs(clickhouse)
    with clickhouse.another_client() as client:
        next(client.execute_with_progress(NO_ROW_FOR_LONG))
        client.cancel()
        assert client.execute("SELECT 1") == [(1,)]
