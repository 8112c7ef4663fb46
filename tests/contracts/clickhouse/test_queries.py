"""What `clickhouse-driver` may rely on when it asks."""

import threading

import pytest
from clickhouse_driver.errors import ServerException

from tests.support.clickhouse import Database
from tests.support.eventually import eventually_sync


def test_a_result_of_many_blocks_arrives_whole_and_in_order(clickhouse: Database) -> None:
    rows = clickhouse.client.execute("SELECT number FROM system.numbers LIMIT 200000")

    assert rows == [(n,) for n in range(200_000)]
    assert clickhouse.client.last_query.profile_info.rows == 200_000
    assert clickhouse.client.last_query.profile_info.blocks > 1


def test_a_result_may_be_read_as_it_comes(clickhouse: Database) -> None:
    rows = clickhouse.client.execute_iter("SELECT number FROM numbers(100000)")

    assert sum(number for (number,) in rows) == 99_999 * 100_000 // 2


@pytest.mark.parametrize("query", ["SELECT 1 AS one, 'x' AS x", "SELECT 1 AS one, 'x' AS x FROM numbers(100000)"])
def test_a_result_has_names_and_types(clickhouse: Database, query: str) -> None:
    rows, columns = clickhouse.client.execute(query, with_column_types=True)

    assert rows[0] == (1, "x")
    assert columns == [("one", "UInt8"), ("x", "String")]


@pytest.mark.parametrize(
    "expression",
    ["toDateTime(0, 'Asia/Tokyo')", "[toDateTime(0, 'Asia/Tokyo')]", "toDateTime(0)", "toDateTime64(0, 3, 'UTC')"],
)
def test_a_time_keeps_its_zone(clickhouse: Database, expression: str) -> None:
    query = f"SELECT {expression} AS at, toTypeName(at) AS kind, 'DateTime' AS word FROM numbers(100000)"
    rows, columns = clickhouse.client.execute(query, with_column_types=True)

    assert len(rows) == 100_000
    assert columns[0] == ("at", rows[0][1])


def test_a_show_has_names_and_types(clickhouse: Database) -> None:
    clickhouse.client.execute("CREATE TABLE t (x UInt8) ENGINE = Memory")

    assert clickhouse.client.execute("SHOW TABLES", with_column_types=True) == ([("t",)], [("name", "String")])


def test_an_empty_result_still_has_names_and_types(clickhouse: Database) -> None:
    rows, columns = clickhouse.client.execute("SELECT 1 AS one, 'x' AS x WHERE 0;", with_column_types=True)

    assert rows == []
    assert columns == [("one", "UInt8"), ("x", "String")]


def test_parameters_are_put_in_as_the_driver_does(clickhouse: Database) -> None:
    rows = clickhouse.client.execute(
        "SELECT %(text)s, %(list)s, %(nothing)s", {"text": "it's \\ a `test` -- \n;", "list": [1, 2], "nothing": None}
    )

    assert rows == [("it's \\ a `test` -- \n;", [1, 2], None)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 7",
        "  -- why\n SELECT 7 ;",
        "/* why; */ WITH 7 AS n SELECT n",
        "(SELECT 7)",
        "SELECT 7 FORMAT JSON",
        "SELECT 7 SETTINGS max_threads = 1",
        "SELECT 7 UNION ALL SELECT 7 LIMIT 1",
    ],
)
def test_every_manner_of_select_is_a_select(clickhouse: Database, query: str) -> None:
    assert clickhouse.client.execute(query)[0] == (7,)


def test_statements_about_tables_answer_as_a_server_does(clickhouse: Database) -> None:
    client = clickhouse.client
    assert client.execute("CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x") == []
    assert client.execute("SHOW TABLES") == [("t",)]
    assert client.execute("EXISTS TABLE t") == [(1,)]
    assert client.execute("DESCRIBE TABLE t")[0][:2] == ("x", "UInt8")
    assert client.execute("INSERT INTO t SELECT number FROM numbers(3)") == []
    assert client.execute("INSERT INTO t VALUES (3), (4)") == []
    assert client.execute("ALTER TABLE t DELETE WHERE x = 0", settings={"mutations_sync": 1}) == []
    assert client.execute("SELECT sum(x) FROM t") == [(10,)]
    assert client.execute("DROP TABLE t") == []
    assert client.execute("SHOW TABLES") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT nothing_of_that_name", 47),
        ("SELECT * FROM no_such_table", 60),
        ("SELEC 1", 62),
        ("", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT throwIf(number = 150000) FROM numbers(200000)", 395),
        ("CREATE TABLE t (x Nothing_Of_That_Name) ENGINE = Memory", 50),
        ("SHOW TABLES FROM no_such_database", 81),
    ],
)
def test_an_error_has_clickhouses_own_code(clickhouse: Database, query: str, code: int) -> None:
    with pytest.raises(ServerException) as raised:
        clickhouse.client.execute(query)

    assert raised.value.code == code
    assert raised.value.message.count("DB::Exception") == 1
    assert clickhouse.client.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize("readonly", [1, 2])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t SELECT 2",
        "WITH 2 AS two INSERT INTO t SELECT two",
        "CREATE TABLE other (x UInt8) ENGINE = Memory",
        "ALTER TABLE t ADD COLUMN y UInt8",
        "TRUNCATE TABLE t",
        "DROP TABLE t",
        "OPTIMIZE TABLE t",
    ],
)
def test_a_query_that_may_only_read_writes_nothing(clickhouse: Database, statement: str, readonly: int) -> None:
    client, only_read = clickhouse.client, {"readonly": readonly}
    client.execute("CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x")
    client.execute("INSERT INTO t VALUES", [(1,)])

    with pytest.raises(ServerException) as raised:
        client.execute(statement, settings=only_read)
    with pytest.raises(ServerException):
        client.execute("INSERT INTO t VALUES", [(3,)], settings=only_read)

    assert raised.value.code == 164
    assert client.execute("WITH 1 AS one SELECT x FROM t WHERE x = one", settings=only_read) == [(1,)]
    assert client.execute("SHOW TABLES", settings=only_read) == [("t",)]
    client.execute("INSERT INTO t VALUES", [(4,)])
    assert client.execute("SELECT x FROM t ORDER BY x") == [(1,), (4,)]


def test_settings_hold_for_their_query_and_no_longer(clickhouse: Database) -> None:
    client = clickhouse.client
    query = "SELECT getSetting('max_block_size'), getSetting('log_comment')"
    before = client.execute(query)

    within = client.execute(query, settings={"max_block_size": 77, "log_comment": "it's here"})

    assert within == [(77, "it's here")]
    assert client.execute(query) == before


def test_an_unknown_setting_is_an_error_only_when_it_is_important(clickhouse: Database) -> None:
    assert clickhouse.client.execute("SELECT 1", settings={"nosuch": 1}) == [(1,)]

    with (
        clickhouse.another_client(settings_is_important=True) as important,
        pytest.raises(ServerException) as raised,
    ):
        important.execute("SELECT 1", settings={"nosuch": 1})
    assert raised.value.code == 115


def test_a_setting_of_a_wrong_value_is_refused(clickhouse: Database) -> None:
    with pytest.raises(ServerException) as raised:
        clickhouse.client.execute("SELECT 1", settings={"max_threads": "many"})

    assert raised.value.code == 27


def test_each_connection_keeps_to_the_database_of_its_url(clickhouse: Database) -> None:
    clickhouse.client.execute("CREATE TABLE here (x UInt8) ENGINE = Memory")

    with clickhouse.another_client(database="default") as elsewhere:
        assert elsewhere.execute("SELECT currentDatabase()") == [("default",)]
        assert clickhouse.client.execute("SELECT currentDatabase()") == [(clickhouse.name,)]
        assert ("here",) not in elsewhere.execute("SHOW TABLES")
        elsewhere.execute(f"USE {clickhouse.name}")
        assert elsewhere.execute("SHOW TABLES") == [("here",)]


def test_an_unknown_database_is_refused_at_hello(clickhouse: Database) -> None:
    with (
        clickhouse.another_client(database="no_such_database") as client,
        pytest.raises(ServerException) as raised,
    ):
        client.execute("SELECT 1")

    assert raised.value.code == 81


def test_clients_are_served_side_by_side(clickhouse: Database) -> None:
    client, name = clickhouse.client, f"{clickhouse.name}-slow"
    codes: list[int] = []

    def ask_slowly() -> None:
        slow = "SELECT sleepEachRow(0.2) FROM numbers(1000)"
        with clickhouse.another_client() as asking, pytest.raises(ServerException) as ended:
            asking.execute(slow, settings={"max_block_size": 1}, query_id=name)
        codes.append(ended.value.code)

    def slow_ones() -> int:
        asked = (
            "SELECT count() FROM system.processes WHERE current_database = %(name)s AND query LIKE '%%sleep%%1000%%'"
        )
        return int(client.execute(asked, {"name": clickhouse.name})[0][0]) - 1  # it finds itself

    slow = threading.Thread(target=ask_slowly)
    slow.start()
    try:
        eventually_sync(lambda: slow_ones() == 1, what="the slow query")
        answers = [client.execute("SELECT 1") for _ in range(20)]
        assert slow_ones() == 1
    finally:
        client.execute("KILL QUERY WHERE query_id = %(id)s SYNC", {"id": name})
        slow.join()
    assert answers == [[(1,)]] * 20
    assert codes == [394]
