"""What is written stays, whatever ends the server; what cannot start says why."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from infra.local.processes.ports import LOOPBACK
from tests.support.clickhouse import RunningClickHouse
from tests.support.eventually import eventually_sync

GONE = (Error, OSError, EOFError)
TROUBLE = "cannot take a client"
STANDARD_FILES = 3


def test_what_was_acknowledged_survives_sigkill_and_a_token_still_deduplicates(
    own_clickhouse: RunningClickHouse,
) -> None:
    with own_clickhouse.client() as client:
        client.execute("CREATE DATABASE kept")
        client.execute(
            "CREATE TABLE kept.t (x UInt64) ENGINE = MergeTree ORDER BY x "
            "SETTINGS non_replicated_deduplication_window = 10000"
        )
    acknowledged: list[int] = []
    writing = threading.Thread(target=insert_until_the_end, args=(own_clickhouse, acknowledged))
    writing.start()
    eventually_sync(lambda: len(acknowledged) >= 20)

    own_clickhouse.kill()
    writing.join()
    own_clickhouse.start()

    with own_clickhouse.client("kept") as after:
        stored = {x for (x,) in after.execute("SELECT x FROM t")}
        insert_hundred(after, acknowledged[-1])
        assert after.execute("SELECT count(), uniqExact(x) FROM t") == [(len(stored), len(stored))]
    assert {x for first in acknowledged for x in range(first, first + 100)} <= stored
    assert len(stored) % 100 == 0


def insert_until_the_end(server: RunningClickHouse, acknowledged: list[int]) -> None:
    with server.client("kept") as writer:
        try:
            for first in range(0, 10_000_000, 100):
                insert_hundred(writer, first)
                acknowledged.append(first)
        except GONE:
            return


def insert_hundred(client: Client, first: int) -> None:
    client.execute(
        "INSERT INTO t (x) VALUES",
        [list(range(first, first + 100))],
        columnar=True,
        settings={"insert_deduplication_token": f"t-0-{first}", "async_insert": 0},
    )


def test_sigterm_ends_it_cleanly_even_in_mid_query(own_clickhouse: RunningClickHouse) -> None:
    ended = threading.Event()

    def ask() -> None:
        with own_clickhouse.client() as busy:
            try:
                busy.execute("SELECT sleepEachRow(0.1) FROM numbers(600)", settings={"max_block_size": 1})
            except GONE:
                ended.set()

    asking = threading.Thread(target=ask)
    asking.start()
    with own_clickhouse.client() as idle:
        eventually_sync(lambda: idle.execute("SELECT count() FROM system.processes") == [(2,)])
        own_clickhouse.stop()

    asking.join()
    log = own_clickhouse.log.read_text()
    assert ended.is_set()
    assert '"stopped"' in log
    assert "Traceback" not in log


def test_sigterm_gives_exit_code_zero(tmp_path: Path) -> None:
    process = start(tmp_path, "0")
    assert process.stderr is not None
    for line in process.stderr:
        if '"ready"' in line:
            break

    process.terminate()

    process.communicate(timeout=90)
    assert process.returncode == 0


def test_a_second_server_on_the_same_directory_is_refused_with_a_reason(own_clickhouse: RunningClickHouse) -> None:
    second = start(own_clickhouse.folder / "data", "0")

    _, log = second.communicate(timeout=90)

    assert second.returncode == 3
    assert "end the process that has the directory" in log
    with own_clickhouse.client() as client:
        assert client.execute("SELECT 1") == [(1,)]


def test_a_taken_port_is_refused_with_a_reason(clickhouse_server: RunningClickHouse, tmp_path: Path) -> None:
    second = start(tmp_path, str(clickhouse_server.port))

    _, log = second.communicate(timeout=90)

    assert second.returncode == 3
    assert f"cannot listen on 127.0.0.1:{clickhouse_server.port}" in log


def start(data_dir: Path, port: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "infra.cli", "clickhouse", "--port", port, "--data-dir", str(data_dir)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_server_without_a_file_left_says_so_once_and_takes_the_client_when_there_is_one(
    own_clickhouse: RunningClickHouse,
) -> None:
    server = psutil.Process(own_clickhouse.pid)
    before = server.rlimit(psutil.RLIMIT_NOFILE)
    server.rlimit(psutil.RLIMIT_NOFILE, (STANDARD_FILES, before[1]))
    with socket.create_connection((LOOPBACK, own_clickhouse.port)):
        eventually_sync(lambda: TROUBLE in own_clickhouse.log.read_text())
        spent_s, began_s = sum(server.cpu_times()[:2]), time.monotonic()
        eventually_sync(lambda: time.monotonic() - began_s > 1)
        assert sum(server.cpu_times()[:2]) - spent_s < 0.2
        assert own_clickhouse.log.read_text().count(TROUBLE) == 1

        server.rlimit(psutil.RLIMIT_NOFILE, before)
        with own_clickhouse.client() as client:
            assert client.execute("SELECT 1") == [(1,)]
