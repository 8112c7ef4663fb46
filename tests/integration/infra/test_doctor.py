"""`headrace doctor` before real parts, absent ones and lying ones."""

import asyncio
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from infra import lock
from infra.local.processes.ports import free_ports
from infra.settings import ClickHouseSettings, CommonSettings, KafkaSettings, RedisSettings, TgiSettings
from infra.telemetry import exporter
from infra.telemetry.metrics import Metrics
from infra.telemetry.settings import MetricsSettings
from tests.support.command import headrace
from tests.support.model_servers import model_server
from tests.support.stack import RunningKafka, RunningRedis


@pytest.fixture
def a_silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def by_name(answer: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(answer)["parts"]}


def test_parts_that_answer_are_shown_with_their_versions(
    kafka: RunningKafka, redis_server: RunningRedis, tmp_path: Path
) -> None:
    with model_server("--timed") as model:
        settings = (kafka.settings(""), redis_server.settings("x:"), TgiSettings(url=model.url))

        done = headrace("doctor", "--json", settings=settings, folder=tmp_path)

    parts = by_name(done.stdout)
    assert done.returncode == 3, "ClickHouse is not given"
    assert {name: each["reachable"] for name, each in parts.items()} == {
        "kafka": True, "redis": True, "clickhouse": False, "tgi": True,
    }  # fmt: skip
    assert parts["kafka"]["version"].startswith("4.3, 1 broker")
    assert parts["redis"]["version"].startswith("8.")
    assert parts["tgi"]["version"].startswith("3.3")
    assert all(each["took_ms"] > 0 for name, each in parts.items() if name != "clickhouse")
    assert "headrace up" in parts["clickhouse"]["failure"]


def test_parts_that_are_gone_or_silent_are_told_and_the_exit_code_is_three(tmp_path: Path, a_silent_port: int) -> None:
    settings = (
        KafkaSettings(bootstrap_servers="127.0.0.1:1"),
        RedisSettings(url=f"redis://:hunter2@127.0.0.1:{a_silent_port}/0", timeout_s=0.5),
        ClickHouseSettings(url="clickhouse://me:hunter2@127.0.0.1:1/x"),
        TgiSettings(url=f"http://127.0.0.1:{a_silent_port}"),
        CommonSettings(secret_key="a key of more than thirty-two characters"),
    )

    done = headrace("doctor", "--json", settings=settings, folder=tmp_path)

    assert done.returncode == 3
    assert not any(each["reachable"] for each in by_name(done.stdout).values())
    assert all(each["failure"] for each in by_name(done.stdout).values())
    assert "hunter2" not in done.stdout + done.stderr
    assert "thirty-two" not in done.stdout + done.stderr


async def test_a_model_server_that_knows_only_openai_s_routes_is_recognised(tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_get("/v1/models", _models)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    settings = (TgiSettings(url=f"http://127.0.0.1:{runner.addresses[0][1]}"),)
    done = await asyncio.to_thread(headrace, "doctor", "--json", settings=settings, folder=tmp_path)
    await runner.cleanup()

    assert by_name(done.stdout)["tgi"]["version"] == "OpenAI-style, tiny"


async def _models(_request: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": "tiny"}]})


def test_the_running_stack_is_examined_where_no_address_is_given(redis_server: RunningRedis, tmp_path: Path) -> None:
    (tmp_path / ".headrace").mkdir()
    (tmp_path / ".headrace" / "stack.json").write_text(json.dumps({"redis": redis_server.url}))

    with lock.held(tmp_path / ".headrace" / "lock"):
        done = headrace("doctor", "--json", folder=tmp_path)

    redis = by_name(done.stdout)["redis"]
    assert redis["reachable"]
    assert redis["from_stack"]


def test_what_the_stack_of_this_folder_takes_on_disk_is_shown_with_its_limit(tmp_path: Path) -> None:
    (tmp_path / ".headrace" / "kafka").mkdir(parents=True)
    (tmp_path / ".headrace" / "kafka" / "segment").write_bytes(bytes(3_000_000))

    told = json.loads(headrace("doctor", "--json", folder=tmp_path).stdout)["disk"]
    shown = headrace("doctor", folder=tmp_path).stdout

    (kafka,) = (each for each in told["parts"] if each["name"] == "kafka")
    assert (kafka["taken_bytes"] >= 3_000_000, kafka["limit_bytes"]) == (True, 10_000_000_000)
    assert told["free_bytes"] > 0
    assert re.search(r"^  kafka +3 MB +10,000 MB +\.headrace/kafka", shown, re.MULTILINE), shown


async def test_the_processes_of_the_running_stack_are_asked_whether_they_are_ready(tmp_path: Path) -> None:
    names = ("fanout", "worker", "ingest")
    places = {name: f"127.0.0.1:{port}" for name, port in zip(names, free_ports(3), strict=True)}
    (tmp_path / ".headrace").mkdir()
    (tmp_path / ".headrace" / "stack.json").write_text(
        json.dumps({"metrics": {name: f"http://{place}/metrics" for name, place in places.items()}})
    )

    async with (
        exporter.serving(MetricsSettings(address=places["fanout"]), Metrics(), lambda: True),
        exporter.serving(MetricsSettings(address=places["worker"]), Metrics(), lambda: False),
    ):
        done = await asyncio.to_thread(headrace, "doctor", "--json", folder=tmp_path)
        shown = await asyncio.to_thread(headrace, "doctor", folder=tmp_path)

    found = {each["name"]: each for each in json.loads(done.stdout)["processes"]}
    assert [found[name]["reachable"] for name in names] == [True, False, False]
    assert (found["fanout"]["version"], found["fanout"]["address"]) == ("ready", f"http://{places['fanout']}/metrics")
    assert "503" in found["worker"]["failure"]
    assert done.returncode == 3
    assert re.search(r"fanout +yes.* ready", shown.stdout)


def test_every_wrong_setting_is_named_at_the_top_and_the_rest_is_examined_all_the_same(
    redis_server: RunningRedis, tmp_path: Path
) -> None:
    broken = tmp_path / ".headrace"
    broken.mkdir()
    (broken / "stack.json").write_text("{")
    wrong = {"HEADRACE_LOG__LEVEL": "LOUD", "HEADRACE_KAFKA__MAX_IN_FLIGHT": "many", "HEADRACE_KAFKA__BOOTSTRAP": "x"}

    done = headrace("doctor", settings=(redis_server.settings("x:"),), folder=tmp_path, **wrong)
    plain = headrace("doctor", "--json", settings=(redis_server.settings("x:"),), folder=tmp_path, **wrong)

    assert (done.returncode, plain.returncode, done.stderr) == (2, 2, "")
    named = ["HEADRACE_KAFKA__BOOTSTRAP", "HEADRACE_KAFKA__MAX_IN_FLIGHT", "HEADRACE_LOG__LEVEL", "stack.json"]
    assert all(f"wrong: {name}" in top for name, top in zip(named[:3], done.stdout.splitlines(), strict=False))
    assert [any(name in each for each in json.loads(plain.stdout)["wrong"]) for name in named] == [True] * 4
    assert by_name(plain.stdout)["redis"]["reachable"]
    assert by_name(plain.stdout)["kafka"]["failure"] == "not asked: its settings are wrong"


def test_a_malformed_address_and_a_short_key_are_wrong_settings_to_the_doctor_too(tmp_path: Path) -> None:
    done = headrace("doctor", "--json", folder=tmp_path, HEADRACE_REDIS__URL="http://x", HEADRACE_SECRET_KEY="short")

    assert done.returncode == 2
    assert len(json.loads(done.stdout)["wrong"]) == 2


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        ("gateway --port 0", "HEADRACE_REDIS__URL", "http://x"),
        ("topics check", "HEADRACE_KAFKA__BOOTSTRAP_SERVERS", "a:b:c"),
        ("worker", "HEADRACE_TGI__URL", "ftp://x"),
        ("demo", "HEADRACE_TGI__URL", "ftp://x"),
    ],
)
def test_a_malformed_address_is_refused_before_anything_starts(
    tmp_path: Path, command: str, variable: str, value: str
) -> None:
    done = headrace(*command.split(), settings=(), folder=tmp_path, **{variable: value})

    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if variable in line] == done.stderr.splitlines()


def test_a_stack_that_was_killed_is_told_as_such_at_once_though_its_number_is_anothers_by_now(tmp_path: Path) -> None:
    (tmp_path / ".headrace").mkdir()
    nobody = {"gateway_url": "http://127.0.0.1:1", "kafka": "127.0.0.1:1", "redis": "redis://127.0.0.1:1/0"}
    (tmp_path / ".headrace" / "stack.json").write_text(json.dumps({**nobody, "supervisor": os.getpid()}))
    (tmp_path / ".headrace" / "lock").write_text(f"{os.getpid()}\n")

    submitted = headrace("submit", "Why?", folder=tmp_path)
    listed = headrace("keys", "list", folder=tmp_path)
    told = headrace("env", folder=tmp_path)
    shown = headrace("status", folder=tmp_path)
    examined = headrace("doctor", "--json", folder=tmp_path)
    elsewhere = headrace("topics", "list", settings=(KafkaSettings(bootstrap_servers="127.0.0.1:1"),), folder=tmp_path)

    gone = f"the stack of this folder is not running (its process {os.getpid()} is gone): `headrace up` starts it"
    assert [(each.returncode, each.stderr) for each in (submitted, listed, told)] == [(3, f"headrace: {gone}\n")] * 3
    assert (shown.returncode, "not running" in shown.stdout) == (3, True)
    assert {each["failure"] for each in by_name(examined.stdout).values()} == {gone}
    assert gone not in elsewhere.stderr


def test_an_address_of_the_folder_is_not_given_a_password_of_ours(tmp_path: Path) -> None:
    (tmp_path / ".headrace").mkdir()
    theirs = {"gateway_url": "http://127.0.0.1:1", "redis": "redis://127.0.0.1:1/0"}
    (tmp_path / ".headrace" / "stack.json").write_text(json.dumps(theirs))

    submitted = headrace("submit", "Why?", folder=tmp_path, HEADRACE_CLIENT__API_KEY="sk-headrace-mine")
    examined = headrace("doctor", "--json", folder=tmp_path, HEADRACE_REDIS__PASSWORD="mine")

    assert (submitted.returncode, "HEADRACE_CLIENT__API_KEY is given" in submitted.stderr) == (2, True)
    assert "HEADRACE_REDIS__PASSWORD is given" in by_name(examined.stdout)["redis"]["failure"]


def test_any_other_command_refuses_wrong_settings(tmp_path: Path) -> None:
    done = headrace("topics", "list", folder=tmp_path, HEADRACE_KAFKA__BOOTSTRAP="x", HEADRACE_KAFKA__MANY="y")

    assert done.returncode == 2
    assert "HEADRACE_KAFKA__BOOTSTRAP is not a setting" in done.stderr
    assert "HEADRACE_KAFKA__MANY is not a setting" in done.stderr


def test_every_setting_is_listed_with_its_value_and_default(tmp_path: Path) -> None:
    done = headrace("doctor", "--json", settings=(KafkaSettings(topic_prefix="mine."),), folder=tmp_path)

    settings = {each["name"]: each for each in json.loads(done.stdout)["settings"]}
    prefix = settings["HEADRACE_KAFKA__TOPIC_PREFIX"]
    assert (prefix["value"], prefix["default"], prefix["changed"]) == ("mine.", "", True)
    assert sum(each["changed"] for each in settings.values()) == 1
    assert all(each["meaning"] for each in settings.values())


def test_the_parts_come_first_and_then_only_what_was_changed_with_secrets_masked(tmp_path: Path) -> None:
    settings = (CommonSettings(secret_key="a key of more than thirty-two characters"), RedisSettings(prefix="mine:"))

    done = headrace("doctor", settings=settings, folder=tmp_path)
    whole = headrace("doctor", "--all", settings=settings, folder=tmp_path)

    told = re.findall(
        r"^  (?:part|kafka|redis|clickhouse|tgi)\b(?= +(?:answers|yes|no))|^. HEADRACE_\S+", done.stdout, re.MULTILINE
    )
    assert [each.strip() for each in told[:5]] == ["part", "kafka", "redis", "clickhouse", "tgi"]
    assert told[5:] == ["* HEADRACE_SECRET_KEY=********", "* HEADRACE_REDIS__PREFIX=mine:"]
    assert "2 of " in done.stdout.splitlines()[-1]
    assert "  HEADRACE_LOG__LEVEL=INFO" in whole.stdout.splitlines()
