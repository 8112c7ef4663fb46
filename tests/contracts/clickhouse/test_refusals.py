"""What the embedded ClickHouse does not do, it says; and whoever it lets go knows why."""

import socket
import struct
from collections.abc import Iterator

import pytest
import zstd
from clickhouse_cityhash.cityhash import CityHash128
from clickhouse_driver.errors import NetworkError, ServerException, UnexpectedPacketFromServerError
from lz4 import block as lz4

from infra.local.clickhouse import packets
from infra.local.clickhouse.wire import string, varint
from infra.local.processes.ports import LOOPBACK
from tests.contracts.clickhouse.test_hostile_clients import NO_BLOCK, hello, query, said_before_hanging_up
from tests.support.clickhouse import Database, RunningClickHouse

END = b"\1\0\2\xff\xff\xff\xff\0\0\0"
"""The empty block that ends a client's rows, with its info."""


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("CREATE TABLE r (x UInt8) ENGINE = ReplicatedMergeTree('/r', 'a') ORDER BY x", 225),
        ("CREATE TABLE d AS system.one ENGINE = Distributed(nowhere, system, one)", 701),
        ("CREATE TABLE t ON CLUSTER nowhere (x UInt8) ENGINE = Memory", 701),
        ("CREATE USER bob", 497),
        ("CREATE QUOTA q", 497),
        ("CREATE TABLE t (x Object('json')) ENGINE = Memory", 50),
        ("SELECT 1; SELECT 2", 62),
        ("SYSTEM NOTHING", 62),
    ],
)
def test_what_it_does_not_do_is_an_error_with_clickhouses_code(clickhouse: Database, statement: str, code: int) -> None:
    with pytest.raises(ServerException) as raised:
        clickhouse.client.execute(statement)

    assert raised.value.code == code
    assert clickhouse.client.execute("SELECT 1") == [(1,)]


def test_server_side_parameters_are_refused_with_a_way_out(clickhouse: Database) -> None:
    with pytest.raises(ServerException, match="server_side_params off") as raised:
        clickhouse.client.execute("SELECT {x:UInt8}", {"x": 1}, settings={"server_side_params": True})

    assert raised.value.code == 456


@pytest.mark.parametrize("user", ["bob", ""])
def test_the_only_user_is_default(clickhouse: Database, user: str) -> None:
    with clickhouse.another_client(user=user) as client, pytest.raises(ServerException) as raised:
        client.execute("SELECT 1")

    assert raised.value.code == 516


def test_a_client_that_wants_tls_is_let_go(clickhouse: Database) -> None:
    with clickhouse.another_client(secure=True, verify=False) as client, pytest.raises((NetworkError, OSError)):
        client.execute("SELECT 1")


def test_what_it_cannot_tell_is_left_open(clickhouse: Database, caplog: pytest.LogCaptureFixture) -> None:
    client = clickhouse.client
    with caplog.at_level("DEBUG", logger="clickhouse_driver.log"):
        client.execute("SELECT arrayJoin(range(100)) LIMIT 3", settings={"send_logs_level": "trace"})

    profile = client.last_query.profile_info
    assert (profile.rows_before_limit, profile.calculated_rows_before_limit) == (0, False)
    assert not [each for each in caplog.records if each.name == "clickhouse_driver.log"]
    own_id = client.execute("SELECT queryID()", query_id="mine")[0][0]
    assert own_id != "mine"


@pytest.fixture
def raw(clickhouse_server: RunningClickHouse) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, clickhouse_server.port), timeout=60) as connection:
        yield connection


@pytest.mark.parametrize("request_line", [b"GET /?query=SELECT+1 HTTP/1.1", b"POST / HTTP/1.1", b"PUT / HTTP/1.0"])
def test_a_client_of_http_gets_an_answer_it_understands(raw: socket.socket, request_line: bytes) -> None:
    raw.sendall(request_line + b"\r\nHost: x\r\n\r\n")

    try:
        said = said_before_hanging_up(raw)
    except ConnectionResetError:
        pytest.fail("the answer was lost")
    assert said.startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert b"clickhouse-driver" in said


def exception(code: int) -> bytes:
    return varint(2) + struct.pack("<i", code) + string("DB::Exception")


def frame(method: int, packed: bytes, size: int, *, checksum: bytes | None = None) -> bytes:
    body = struct.pack("<BII", method, len(packed) + 9, size) + packed
    whole = CityHash128(body)
    right = struct.pack("<QQ", whole >> 64, whole & (2**64 - 1))
    return (right if checksum is None else checksum) + body


def a_compressed_query(end: bytes) -> bytes:
    """A query that ends so instead of with a plain empty block."""
    asked = query("SELECT 1", compressed=True)
    assert asked.endswith(NO_BLOCK)
    return hello("default") + asked[: -len(NO_BLOCK)] + varint(2) + string("") + end


def after_a_compressed_query(raw: socket.socket, end: bytes) -> bytes:
    """What is said to a client whose query ends so."""
    raw.sendall(a_compressed_query(end))
    raw.shutdown(socket.SHUT_WR)
    return said_before_hanging_up(raw)


def test_a_frame_of_any_method_is_understood(clickhouse_server: RunningClickHouse) -> None:
    packings = {0x02: END, 0x82: lz4.compress(END, store_size=False), 0x90: zstd.compress(END)}
    for method, packed in packings.items():
        with socket.create_connection((LOOPBACK, clickhouse_server.port), timeout=60) as raw:
            raw.sendall(
                hello("default") + query("SELECT 1", compressed=True)[: -len(varint(2) + string("") + b"\0" * 3)]
            )
            raw.sendall(varint(2) + string("") + frame(method, packed, len(END)))
            said = b""
            while not said.endswith(packets.END_OF_STREAM):
                more = raw.recv(65536)
                assert more, said
                said += more


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(0x82, lz4.compress(END, store_size=False), len(END), checksum=b"\0" * 16), 40),
        (frame(0x77, END, len(END)), 89),
        (frame(0x82, b"\xff" * 40, 4000), 271),
        (frame(0x82, lz4.compress(END, store_size=False), len(END) + 1), 271),
        (frame(0x90, b"no zstd at all", len(END)), 271),
        (frame(0x90, zstd.compress(b"\0" * 10_000_000), 10), 271),
        (frame(0x02, END, 0), 246),
        (b"\0" * 16 + struct.pack("<BII", 0x82, 8, 10), 246),
        (b"\0" * 16 + struct.pack("<BII", 0x82, 2**31, 10), 39),
        (b"\0" * 16 + struct.pack("<BII", 0x82, 20, 2**32 - 1), 39),
    ],
    ids=["checksum", "method", "garbage", "size", "no zstd", "bomb", "empty", "short", "long", "large"],
)
def test_a_broken_frame_is_refused_by_name(raw: socket.socket, sent: bytes, code: int) -> None:
    assert exception(code) in after_a_compressed_query(raw, sent)


def test_a_frame_cut_short_is_a_client_that_left(raw: socket.socket) -> None:
    whole = frame(0x82, lz4.compress(END, store_size=False), len(END))

    assert exception(40)[:1] not in after_a_compressed_query(raw, whole[:20])[40:]


@pytest.mark.parametrize(
    "sent",
    [varint(0), varint(2) + string("") + b"\0" * 3, varint(5) + varint(2**40), varint(9), varint(1)],
    ids=["hello again", "a block", "status of too many", "no such packet", "a query"],
)
def test_packets_out_of_order_are_refused(raw: socket.socket, sent: bytes) -> None:
    busy = query("SELECT number FROM system.numbers") if sent == varint(1) else b""
    raw.sendall(hello("default") + busy + sent)
    raw.shutdown(socket.SHUT_WR)

    said = said_before_hanging_up(raw)

    assert exception(131 if sent.startswith(varint(5)) else 101) in said


def test_the_status_of_tables_is_told(clickhouse: Database, raw: socket.socket) -> None:
    clickhouse.client.execute("CREATE TABLE t (x UInt8) ENGINE = Memory")
    asked = [(clickhouse.name, "t"), (clickhouse.name, "none")]
    raw.sendall(hello("default") + varint(5) + varint(2) + b"".join(string(part) for pair in asked for part in pair))
    raw.shutdown(socket.SHUT_WR)

    assert said_before_hanging_up(raw).endswith(varint(9) + varint(1) + string(clickhouse.name) + string("t") + b"\0")


def test_a_query_of_a_hundred_megabytes_is_refused(clickhouse: Database) -> None:
    with pytest.raises((ServerException, OSError, EOFError, UnexpectedPacketFromServerError)):
        clickhouse.client.execute("SELECT '" + "x" * (100 << 20) + "'")

    assert clickhouse.client.execute("SELECT 1") == [(1,)]
