"""Which way a statement is run."""

import pytest

from infra.local.clickhouse.faults import QueryFault
from infra.local.clickhouse.statements import Way, read_statement

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
