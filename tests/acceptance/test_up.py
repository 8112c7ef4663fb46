"""The two commands a newcomer types: `headrace up` and `headrace demo`, on the whole embedded stack."""

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from openai import OpenAI

from gateway.embeddings.settings import EMBEDDING_MODEL
from infra.local.processes.ports import free_ports
from producers.settings import MODEL
from tests.support.command import headrace as command
from tests.support.eventually import eventually_sync
from tests.support.stack import SHARED_PIDS
from tests.support.up import HEADRACE, Running, headrace, none_left

SERVICES = {"gateway", "worker", "fanout", "deliver", "retrain", "ingest", "reports", "receiver"}
PARTS = {"kafka", "redis", "clickhouse", "tgi"}

pytestmark = pytest.mark.timeout(300)


def check_the_table(text: str) -> None:
    for step in ("received", "acknowledged", "claimed", "first_token", "finished", "published", "visible"):
        assert re.search(rf"{step}\b.*\d", text), f"{step} is not in the table"
    assert re.search(r"signed webhook\W+received\W+received\W+received", text), text
    assert re.search(r"analytics row\W+written\W+written\W+written", text), text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a stack was killed before the next was started."""
    return tmp_path_factory.mktemp("checkout")


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Running]:
    """A stack that is up, shared by these tests."""
    with headrace("up", folder) as running:
        SHARED_PIDS.add(running.process.pid)
        running.wait_for("Ctrl-C stops everything")
        yield running


def test_demo_in_an_empty_folder_answers_three_prompts_and_leaves_nothing(tmp_path: Path) -> None:
    with headrace("demo", tmp_path, "--json") as running:
        pids = running.wait_until_described()

        assert running.process.wait(200) == 0, running.text()

    assert set(pids) == SERVICES | PARTS
    check_the_table(running.text())
    told = next(json.loads(each) for each in running.text().splitlines() if each.startswith('{"ready_s"'))
    assert [bool(each["answer"]) and each["webhook"] and each["row"] for each in told["prompts"]] == [True] * 3
    assert "ended with" not in running.text()
    none_left(pids)
    assert running.stack() == {}


def test_a_stack_tells_a_script_where_it_is_and_killed_leaves_no_process(folder: Path) -> None:
    with headrace("up", folder, "--no-prompts", "--json") as running:
        pids = running.wait_until_described()
        running.wait_for('{"folder"')
        told = next(json.loads(each) for each in running.text().splitlines() if each.startswith('{"folder"'))
        described = running.stack()

        running.process.kill()
        running.process.wait(45)

    dead = command("status", "--json", folder=folder)
    assert (dead.returncode, json.loads(dead.stdout)["state"]) == (3, "stopped")
    assert {name: told[name] for name in described} == described
    assert told["folder"] == str(folder / ".headrace")
    assert told["pages"]["dashboard"] == f"{described['gateway_url']}/dashboard"
    assert (told["prompts"], told["ready_s"] > 0) == ([], True)
    none_left(pids)


@pytest.mark.parametrize(("command", "shown_on"), [("up", "stdout"), ("demo", "stderr")])
def test_a_stack_whose_output_nobody_reads_any_more_stops_in_order(command: str, shown_on: str, tmp_path: Path) -> None:
    options = ["--json"] if shown_on == "stderr" else []
    with subprocess.Popen([*HEADRACE, command, *options], cwd=tmp_path, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown, other = (process.stdout, process.stderr) if shown_on == "stdout" else (process.stderr, process.stdout)
        first = shown.readline()
        shown.close()

        assert process.wait(150) == 0
        assert other.read() == b""

    assert b"starting" in first


def test_a_running_stack_describes_itself_and_its_curl_line_works(up: Running) -> None:
    description = up.stack()

    path = up.folder / ".headrace" / "stack.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(description) == {
        *(
            "gateway_url",
            "api_key",
            "webhook_secret",
            "receiver_url",
            "kafka",
            "redis",
            "clickhouse",
            "tgi",
            "embeddings",
            "files",
            "shared",
            "supervisor",
            "processes",
            "metrics",
        )
    }
    assert description["supervisor"] == up.process.pid
    check_the_table(up.text())
    curl = next(line for line in up.text().splitlines() if line.startswith("curl "))
    answer = subprocess.run(shlex.split(curl), capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(answer.stdout)["choices"][0]["message"]["content"]


def test_a_second_up_in_the_same_folder_is_refused_and_a_dead_child_is_restarted(up: Running) -> None:
    with headrace("up", up.folder) as second:
        assert second.process.wait(150) == 2
    assert f"process {up.process.pid}" in second.text()
    assert up.process.poll() is None

    before = up.pids()
    os.kill(before["fanout"], signal.SIGKILL)

    up.wait_for("fanout is ready again")
    assert "fanout ended with SIGKILL" in up.text()
    after = up.pids()
    assert after["fanout"] != before["fanout"]
    assert {name: pid for name, pid in after.items() if name != "fanout"} == {
        name: pid for name, pid in before.items() if name != "fanout"
    }


def test_status_says_where_all_of_it_is(up: Running) -> None:
    done = command("status", "--json", folder=up.folder)

    told = json.loads(done.stdout)
    assert (done.returncode, told["state"], told["supervisor"]) == (0, "ready", up.process.pid)
    assert {each["name"] for each in told["processes"]} == SERVICES | PARTS
    assert all(each["ready"] and each["memory_bytes"] > 1e6 and each["uptime_s"] > 0 for each in told["processes"])
    assert told["gateway_url"] == up.stack()["gateway_url"]
    assert all(told["data_bytes"][name] > 0 for name in ("kafka", "redis", "clickhouse", "logs"))


A_COUNT: dict[str, object] = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 9}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_a_second_gateway_beside_it_does_what_the_first_one_does(up: Running) -> None:
    (port,) = free_ports(1)

    with headrace("gateway", up.folder, "--port", str(port)) as second:
        eventually_sync(lambda: is_ready(port) or second.process.poll() is not None, within_s=60, what="a gateway")
        with a_client(f"http://127.0.0.1:{port}", up) as there, a_client(up.stack()["gateway_url"], up) as here:
            vectors = there.embeddings.create(model=EMBEDDING_MODEL, input="river", encoding_format="float")
            file = there.files.create(file=("lines.jsonl", b"{}\n"), purpose="batch")

            assert vectors.data[0].embedding
            eventually_sync(lambda: file.id in [each.id for each in here.files.list()], within_s=30)
            assert here.files.content(file.id).read() == b"{}\n"
            assert "data" in there.get("/reports/recent_jobs", cast_to=dict[str, Any])
            counted = there.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": "How many?"}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "count", "schema": A_COUNT, "strict": True},
                },
            )
            assert 3 <= json.loads(counted.choices[0].message.content or "")["n"] <= 9
            there.post("/jobs", body=told_of(up.stack()["receiver_url"]), cast_to=dict[str, Any])


def told_of(receiver_url: str) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "webhook": {"url": receiver_url}}


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def a_client(gateway_url: str, up: Running) -> OpenAI:
    return OpenAI(base_url=f"{gateway_url}/v1", api_key=up.stack()["api_key"])


def test_what_every_reader_has_read_is_known_so_that_the_log_can_be_kept_small(up: Running) -> None:
    def read_by_all() -> set[str]:
        found = json.loads(command("topics", "lag", "--json", folder=up.folder).stdout)
        return {each["topic"] for each in found if each["end"] and each["read"] == each["end"]}

    eventually_sync(lambda: {"answers", "job.events"} < read_by_all())


def test_stop_from_elsewhere_ends_every_process_and_reset_leaves_nothing_of_it(up: Running) -> None:
    pids = up.pids()

    with ThreadPoolExecutor(2) as people:
        stopped = list(people.map(lambda _: command("stop", "--json", folder=up.folder), range(2)))

    assert up.process.wait(45) == 0
    none_left(pids)
    assert "nothing is left running" in up.text()
    assert up.stack() == {}
    assert [each.returncode for each in stopped] == [0, 0]
    assert SERVICES | PARTS in [set(json.loads(each.stdout)["processes"]) for each in stopped]
    deleted = command("reset", "--yes", "--json", folder=up.folder)
    assert json.loads(deleted.stdout)["left"] == []
    assert not (up.folder / ".headrace").exists()


def test_ctrl_c_in_mid_start_leaves_nothing(tmp_path: Path) -> None:
    with headrace("up", tmp_path) as running:
        running.wait_for("redis       ready")
        running.process.send_signal(signal.SIGINT)

        assert running.process.wait(150) == 130

    assert "nothing is left running" in running.text()


def test_a_part_given_by_an_address_where_nobody_answers_is_named(tmp_path: Path) -> None:
    (port,) = free_ports(1)

    with headrace("demo", tmp_path, HEADRACE_TGI__URL=f"http://127.0.0.1:{port}") as running:
        assert running.process.wait(150) == 3

    assert f"tgi cannot start: HEADRACE_TGI__URL is given, but nothing answers at 127.0.0.1:{port}" in running.text()
    assert "What to do: start that server" in running.text()


def test_an_unknown_variable_of_ours_is_refused_by_name(tmp_path: Path) -> None:
    with headrace("demo", tmp_path, HEADRACE_KAFKA__BOOTSTRAP_SERVER="127.0.0.1:9092") as running:
        assert running.process.wait(150) == 2

    assert "HEADRACE_KAFKA__BOOTSTRAP_SERVER" in running.text()
    assert not (tmp_path / ".headrace").exists()
