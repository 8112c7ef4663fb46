"""Clients that hang up, lie or talk nonsense: they harm nobody, and nothing of theirs is half done."""

import random
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from clickhouse_driver.errors import ServerException

from infra.local.clickhouse import packets
from infra.local.clickhouse.embedded import answers_ping
from infra.local.clickhouse.wire import string, varint
from infra.local.processes.ports import LOOPBACK
from tests.support.clickhouse import Database, RunningClickHouse
from tests.support.eventually import eventually_sync

NO_BLOCK = varint(2) + string("") + varint(0) + varint(0) + varint(0)


def hello(database: str, revision: int = 54468) -> bytes:
    return packets.client_hello("a test", database, revision)


def query(text: str, *, compressed: bool = False) -> bytes:
    info = b"\1" + string("") * 3 + b"\1" + string("") * 3 + varint(1) * 3 + string("") + varint(1)
    return varint(1) + string("") + info + string("") + varint(2) + varint(compressed) + string(text) + NO_BLOCK


def block(columns: int, rows: int, rest: bytes) -> bytes:
    return varint(2) + string("") + varint(0) + varint(columns) + varint(rows) + rest


ONE_ROW = block(2, 1, string("x") + string("UInt64") + b"\0" * 8 + string("s") + string("String") + string("a"))


@pytest.fixture
def table(clickhouse: Database) -> Database:
    clickhouse.client.execute("CREATE TABLE t (x UInt64, s String) ENGINE = MergeTree ORDER BY x")
    return clickhouse


@pytest.fixture
def raw(table: Database, clickhouse_server: RunningClickHouse) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, clickhouse_server.port), timeout=60) as connection:
        yield connection


def said_before_hanging_up(connection: socket.socket) -> bytes:
    said = b""
    while more := connection.recv(65536):
        said += more
    return said


def sessions(database: Database) -> int:
    """How many queries run on the server beside the one that asks."""
    return int(database.client.execute("SELECT count() - 1 FROM system.processes")[0][0])


def assert_unharmed(database: Database) -> None:
    assert database.client.execute("SELECT count() FROM t") == [(0,)]
    with database.another_client() as fresh:
        assert fresh.execute("SELECT 1") == [(1,)]
    eventually_sync(lambda: sessions(database) == 0, what="the end of every query")


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"",
        b"\0",
        hello("default")[:9],
        hello("default"),
        hello("default") + query("SELECT 1")[:20],
        hello("default") + query("SELECT number FROM numbers(100000000)"),
        hello("default") + varint(1) + varint(2**60),
    ],
    ids=["at once", "in hello", "in a name", "after hello", "in a query", "in a result", "in a lie"],
)
def test_a_client_that_hangs_up_harms_nobody(table: Database, raw: socket.socket, bytes_sent: bytes) -> None:
    raw.sendall(bytes_sent)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not a polite end
    raw.close()

    assert_unharmed(table)


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 64, random.Random(7).randbytes(5000)],
    ids=["http", "ff", "?"],
)
def test_garbage_is_hung_up_on(table: Database, raw: socket.socket, garbage: bytes) -> None:
    raw.sendall(garbage)
    raw.shutdown(socket.SHUT_WR)

    try:
        said = said_before_hanging_up(raw)
    except ConnectionResetError:
        said = b""
    assert len(said) < 1000
    assert_unharmed(table)


@pytest.mark.parametrize(
    "part",
    [
        block(2, 3, string("x") + string("UInt64") + b"\0" * 24 + string("s") + string("String") + string("a")),
        block(2, 1, string("x") + string("UInt64") + b"\0" * 8 + string("s") + string("String") + string("a")),
        block(2, 1, string("x") + string("UInt64") + b"\0" * 8 + string("s") + string("String") + string("a"))
        + varint(3),
    ],
    ids=["in a block", "between blocks", "by a cancel"],
)
def test_an_insert_cut_short_leaves_no_half(table: Database, raw: socket.socket, part: bytes) -> None:
    raw.sendall(hello(table.name) + query("INSERT INTO t VALUES") + part)
    raw.shutdown(socket.SHUT_WR)

    assert b"UInt64" in said_before_hanging_up(raw)
    assert_unharmed(table)


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (block(1, 2**62, string("x") + string("UInt64")), 131),
        (block(2**40, 1, b""), 131),
        (block(1, 1, string("s") + string("String") + varint(2**50)), 131),
        (block(1, 1, string("a") + string("Array(UInt8)") + struct.pack("<Q", 2**63)), 131),
        (block(1, 1, string("a") + string("Map(String, FixedString(999999999))") + struct.pack("<Q", 2**63)), 131),
        (block(1, 1, string("l") + string("LowCardinality(String)") + struct.pack("<QQQ", 1, 0, 2**60)), 101),
        (block(1, 1, string("t") + string("Array(" * 100 + "UInt8" + ")" * 100)), 50),
        (block(1, 1, string("t") + string("AggregateFunction(sum, UInt8)")), 50),
        (varint(77), 101),
    ],
    ids=["rows", "columns", "string", "array", "map", "dictionary", "depth", "type", "packet"],
)
def test_a_lie_in_an_insert_is_refused_and_takes_no_memory(
    table: Database, clickhouse_server: RunningClickHouse, raw: socket.socket, lie: bytes, code: int
) -> None:
    before = resident_bytes(clickhouse_server)
    raw.sendall(hello(table.name) + query("INSERT INTO t VALUES") + lie)

    said = said_before_hanging_up(raw)

    assert varint(2) + struct.pack("<i", code) + string("DB::Exception") in said
    assert resident_bytes(clickhouse_server) - before < 64 << 20
    assert_unharmed(table)


def test_a_client_of_an_old_revision_is_told_so(raw: socket.socket) -> None:
    raw.sendall(hello("default", revision=54400))

    assert b"revision 54400" in said_before_hanging_up(raw)


def test_one_client_too_many_is_told_so(table: Database, clickhouse_server: RunningClickHouse) -> None:
    with ExitStack() as crowd:
        with pytest.raises(ServerException) as raised:  # noqa: PT012 - which of them is too many is the test
            for _ in range(201):
                crowd.enter_context(table.another_client()).execute("SELECT 1")
        assert raised.value.code == 202
    eventually_sync(lambda: answers_ping(clickhouse_server.port), what="room for a client")
    assert_unharmed(table)


def resident_bytes(server: RunningClickHouse) -> int:
    listed = subprocess.run(["ps", "-o", "rss=", "-p", str(server.pid)], capture_output=True, text=True, check=True)
    return int(listed.stdout) << 10


def test_the_revision_is_the_one_from_which_settings_are_strings() -> None:
    assert packets.REVISION == 54429
