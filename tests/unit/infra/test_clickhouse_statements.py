"""Which way a statement is run."""

import pytest

from infra.local.clickhouse.faults import QueryFault
from infra.local.clickhouse.statements import Way, read_statement, with_engine_ids

FORMATS = frozenset({"JSON", "Native", "Values"})


@pytest.mark.parametrize(
    ("query", "way", "text"),
    [
        ("SELECT 1;", Way.STREAM, "SELECT 1"),
        (" with 1 as x select x -- end", Way.STREAM, "with 1 as x select x"),
        ("SELECT ';', 1 /* ; */ FORMAT JSON", Way.STREAM, "SELECT ';', 1"),
        ("SELECT format desc", Way.STREAM, "SELECT format desc"),
        ("SELECT x ORDER BY format DESC", Way.STREAM, "SELECT x ORDER BY format DESC"),
        (
            "SELECT 'it''s; \\'', `a;b`, \"c;d\", $h$ ; $h$",
            Way.STREAM,
            "SELECT 'it''s; \\'', `a;b`, \"c;d\", $h$ ; $h$",
        ),
        ("SHOW TABLES FORMAT Native", Way.WHOLE, "SHOW TABLES"),
        ("INSERT INTO t VALUES (1, 'values')", Way.WHOLE, "INSERT INTO t VALUES (1, 'values')"),
        ("INSERT INTO t SELECT 1", Way.WHOLE, "INSERT INTO t SELECT 1"),
        (
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            Way.WHOLE,
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        ),
        ("FROM t SELECT x", Way.STREAM, "FROM t SELECT x"),
    ],
)
def test_a_statement_is_run_the_way_its_words_say(query: str, way: Way, text: str) -> None:
    statement = read_statement(query, FORMATS)

    assert (statement.way, statement.text) == (way, text)


@pytest.mark.parametrize(
    ("query", "text", "sample"),
    [
        ("INSERT INTO t VALUES", "INSERT INTO t", "SELECT * FROM t"),
        ("insert into `d b`.t (a, `b,)`) values;", "insert into `d b`.t (a, `b,)`)", "SELECT a, `b,)` FROM `d b`.t"),
        ("INSERT INTO t (* EXCEPT(a)) FORMAT Native", "INSERT INTO t (* EXCEPT(a))", "SELECT * EXCEPT(a) FROM t"),
        ("INSERT t (a) SETTINGS x = 1 VALUES", "INSERT t (a) SETTINGS x = 1", "SELECT a FROM t"),
        (
            "INSERT INTO FUNCTION null('a UInt8') VALUES",
            "INSERT INTO FUNCTION null('a UInt8')",
            "SELECT * FROM null('a UInt8')",
        ),
        ("INSERT INTO FUNCTION f(g(1)) (a) VALUES", "INSERT INTO FUNCTION f(g(1)) (a)", "SELECT a FROM f(g(1))"),
    ],
)
def test_an_insert_of_the_clients_rows_says_which_columns_it_wants(query: str, text: str, sample: str) -> None:
    statement = read_statement(query, FORMATS)

    assert (statement.way, statement.text, statement.sample) == (Way.INSERT, text, sample)


@pytest.mark.parametrize(
    "query", ["", " ; -- nothing", "SELECT 1; DROP TABLE t", "INSERT INTO VALUES", "INSERT INTO t (a VALUES"]
)
def test_what_is_not_one_statement_is_a_syntax_error(query: str) -> None:
    with pytest.raises(QueryFault) as raised:
        read_statement(query, FORMATS)

    assert raised.value.code == 62


@pytest.mark.parametrize(
    ("query", "has_totals"),
    [
        ("SELECT k FROM t GROUP BY k WITH totals", True),
        ("SELECT 'WITH TOTALS'", False),
        ("SELECT 1", False),
    ],
)
def test_totals_are_known_by_their_words(query: str, has_totals: bool) -> None:
    assert read_statement(query, FORMATS).has_totals is has_totals


@pytest.mark.parametrize(
    ("query", "with_ids"),
    [
        ("KILL QUERY WHERE query_id = 'mine'", "KILL QUERY WHERE query_id = 'of the engine'"),
        ("kill query where query_id in ('x', 'mine') sync", "kill query where query_id in ('x', 'of the engine') sync"),
        ("SELECT 'mine'", "SELECT 'mine'"),
        ("KILL MUTATION WHERE mutation_id = 'mine'", "KILL MUTATION WHERE mutation_id = 'mine'"),
    ],
)
def test_a_query_is_killed_by_the_id_that_the_engine_knows(query: str, with_ids: str) -> None:
    assert with_engine_ids(query, {"mine": "of the engine"}.get) == with_ids
