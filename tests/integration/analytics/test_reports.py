"""The named queries over HTTP."""

import asyncio
import json
import socket
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from analytics import rows
from analytics.ingest.tables import sources
from analytics.ingest.writer import Writer
from analytics.reports.app import create_app
from analytics.reports.charts import dashboard
from analytics.reports.keys import READER
from analytics.reports.questions import questions
from analytics.reports.ranges import read_range
from analytics.reports.reader import Reader
from analytics.rows import TimedPlace
from analytics.settings import ReportsSettings
from infra.errors import Unavailable
from infra.local.processes.ports import free_ports
from infra.local.processes.process import Child, Command
from infra.settings import ClickHouseSettings, ServiceSettings, child_environment
from infra.telemetry.metrics import Metrics
from producers.events import DeliveryAttempted, FeedbackGiven, Terminal, TextsEmbedded, Usage
from producers.log.topics import ANSWERS, EMBEDDINGS, FEEDBACK, JOB_EVENTS
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.clickhouse import Database
from tests.support.eventually import eventually

NOW_MS = CLOCK.now_ms()
QUESTIONS = questions()
DASHBOARD = dashboard(QUESTIONS)
TABLES = {each.topic: each.table for each in sources(store_text=True)}


def times(offset_ms: float) -> dict[str, float]:
    start = NOW_MS - 60_000 + offset_ms
    return {"received": start, "claimed": start + 10, "first_token": start + 15, "finished": start + 110}


@pytest.fixture
def told(store: Database) -> Database:
    """A store in which some things have happened."""
    prompts = [a_prompt(tenant="acme" if number % 2 else "umbrella") for number in range(10)]
    endings: list[Terminal] = [
        *(a_completed(each, usage=Usage(10, 20), cache="miss", timeline=times(0)) for each in prompts[:6]),
        *(a_completed(each, usage=Usage(10, 20), cache="hit", timeline=times(1)) for each in prompts[6:8]),
        a_failed(prompts[8], timeline=times(2)),
        a_cancelled(prompts[9], timeline=times(3)),
    ]
    writer = Writer(store.settings)
    answers = [rows.answer_row(each, at(offset), store_text=True) for offset, each in enumerate(endings)]
    writer.insert(TABLES[ANSWERS], answers, "first")
    writer.insert(TABLES[ANSWERS], [row._replace(offset=row.offset + 100) for row in answers], "published twice")
    said = [("up", "ann", 1.0), ("down", "ann", 2.0), ("up", "bob", 3.0)]
    judged = [
        FeedbackGiven(
            feedback_id=f"fb_{author}", job_id=prompts[1].job_id, tenant="acme", key_id="k", kind="thumb", value=value,
            author=author, at_ms=NOW_MS - 1000 + at_ms,
        )
        for value, author, at_ms in said
    ]  # fmt: skip
    feedback = [rows.feedback_row(each, at(offset), store_text=True) for offset, each in enumerate(judged)]
    writer.insert(TABLES[FEEDBACK], feedback, "first")
    sent = DeliveryAttempted(
        job_id=prompts[1].job_id, tenant="acme", webhook_id="msg_1", url="https://x", attempt=1, status=200,
        outcome="delivered", duration_ms=12.0, at_ms=NOW_MS - 1000,
    )  # fmt: skip
    writer.insert(TABLES[JOB_EVENTS], [rows.job_event_row(sent, at(0))], "first")
    made = TextsEmbedded(
        embeddings_id="emb_1", tenant="zenith", key_id="key_2", model="words", texts=2, tokens=9, at_ms=NOW_MS - 1000
    )
    for offset, label in ((0, "first"), (1, "published twice")):
        writer.insert(TABLES[EMBEDDINGS], [rows.embedding_row(made, at(offset))], label)
    writer.close()
    return store


def at(offset: int) -> TimedPlace:
    return TimedPlace("answers", 0, offset, NOW_MS)


@pytest.fixture
async def client(told: Database) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    app = create_app(told.settings, QUESTIONS, DASHBOARD, clock=CLOCK, threads=2, metrics=Metrics())
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_the_list_names_every_query_and_says_what_it_answers(client: TestClient) -> None:  # type: ignore[type-arg]
    listed = await (await client.get("/v1/reports")).json()

    assert {each["name"]: each["about"] for each in listed["data"]} == {
        name: each.about for name, each in QUESTIONS.items()
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("totals", [{"jobs": 10, "completed": 8, "failed": 1, "aborted": 1, "tenants": 2, "completion_tokens": 160}]),
        (
            "jobs",
            [{"status": "aborted", "jobs": 1}, {"status": "completed", "jobs": 8}, {"status": "failed", "jobs": 1}],
        ),
        ("latency", [{"jobs": 8, "queue_wait_p50_ms": 10.0, "model_p99_ms": 100.0, "first_token_p90_ms": 15.0}]),
        ("cache", [{"hits": 2, "misses": 6, "hit_rate": 0.25, "completion_tokens_saved": 40}]),
        ("errors", [{"error_type": "server_error", "jobs": 1, "last_message": "the model server is gone"}]),
        (
            "usage",
            [
                {"tenant": "acme", "key": "key_1", "jobs": 5, "cached_jobs": 1, "prompt_tokens": 30},
                {"tenant": "umbrella", "model": "smollm2", "jobs": 5, "cached_jobs": 1, "completion_tokens": 60},
                {"tenant": "zenith", "key": "key_2", "model": "words", "embeddings": 1, "jobs": 0, "prompt_tokens": 9},
            ],
        ),
        ("webhooks", [{"outcome": "delivered", "status": 200, "attempts": 1, "webhooks": 1}]),
        ("feedback", [{"value": "down", "judgements": 1}, {"value": "up", "judgements": 1}]),
    ],
)
async def test_each_query_counts_what_happened_once(
    client: TestClient,  # type: ignore[type-arg]
    name: str,
    expected: list[dict[str, object]],
) -> None:
    response = await client.get(f"/v1/reports/{name}", params={"bucket_s": "86400"})

    body = await response.json()
    assert response.status == 200, body
    merged = body["data"] if len(body["data"]) == len(expected) else body
    assert [{key: row[key] for key in wanted} for row, wanted in zip(merged, expected, strict=True)] == expected


async def test_every_query_runs_and_a_tenant_sees_only_its_own(client: TestClient) -> None:  # type: ignore[type-arg]
    for name in QUESTIONS:
        body = await (await client.get(f"/v1/reports/{name}", params={"tenant": "acme"})).json()
        assert body["object"] == "report", body
        nobody = await (await client.get(f"/v1/reports/{name}", params={"tenant": "' OR 1 = 1 --"})).json()
        assert [row for row in nobody["data"] if any(row.values())] == []
    recent = await (await client.get("/v1/reports/recent_jobs", params={"tenant": "acme"})).json()
    assert {row["tenant"] for row in recent["data"]} == {"acme"}
    assert len(recent["data"]) == 5
    assert abs(recent["data"][0]["finished_at"] - NOW_MS / 1000) < 120


async def test_errors_have_the_one_shape(client: TestClient) -> None:  # type: ignore[type-arg]
    for path, status, param in (
        ("/v1/reports/nothing", 404, None),
        ("/nothing", 404, None),
        ("/v1/reports/jobs?since_s=x", 400, "since_s"),
        ("/v1/reports/jobs?x=1", 400, "x"),
    ):
        response = await client.get(path)
        error = (await response.json())["error"]
        assert (response.status, error["param"], set(error)) == (status, param, {"message", "type", "param", "code"})
    refused = await client.post("/v1/reports")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET,HEAD")


async def test_an_empty_store_gives_empty_reports(store: Database) -> None:
    app = create_app(store.settings, QUESTIONS, DASHBOARD, clock=CLOCK, threads=1, metrics=Metrics())
    async with TestClient(TestServer(app)) as client:
        for name in QUESTIONS:
            response = await client.get(f"/v1/reports/{name}")
            assert response.status == 200, await response.text()
            data = (await response.json())["data"]
            assert data == [] or not any(data[0].values()), name


async def test_a_store_that_is_away_is_503_with_a_time_to_come_back() -> None:
    settings = ClickHouseSettings(url="clickhouse://127.0.0.1:1/headrace", timeout_s=1.0)
    app = create_app(settings, QUESTIONS, DASHBOARD, clock=CLOCK, threads=1, metrics=Metrics())
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/healthz")

        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert (await response.json())["error"]["type"] == "server_error"


def test_a_range_in_the_past_holds_nothing(told: Database) -> None:
    asked = read_range({"since_s": "1000", "until_s": "2000"}, now_s=NOW_MS / 1000)

    assert told.client.execute(QUESTIONS["jobs"].sql, asked.parameters()) == []


def test_behind_a_slow_store_no_queue_grows(tmp_path: Path) -> None:
    port = free_ports(1)[0]

    def ask(patience_s: float = 45) -> HTTPConnection:
        asking = HTTPConnection("127.0.0.1", port, timeout=patience_s)
        asking.request("GET", "/healthz")
        return asking

    def is_taken() -> bool:
        with closing(ask(1)) as asking:
            try:
                return asking.getresponse().status == 200
            except TimeoutError:
                return True

    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = ClickHouseSettings(url=f"clickhouse://127.0.0.1:{silent.getsockname()[1]}/headrace")
        command = Command(
            name="reports",
            argv=(sys.executable, "-m", "infra.cli", "reports"),
            log=tmp_path / "reports.log",
            ready=(tmp_path / "ready").exists,
            advice="",
            environment=child_environment(
                store,
                ReportsSettings(port=port, threads=1, most_queries=1),
                ServiceSettings(ready_file=str(tmp_path / "ready")),
            ),
        )
        child = Child(command)
        child.wait_ready()
        with closing(ask()):
            query, _ = silent.accept()
            with closing(ask()) as refused:
                told = refused.getresponse()
        with closing(ask()) as refused:
            told_again = refused.getresponse()
        query.close()
        until = time.monotonic() + 45
        while not (taken := is_taken()) and time.monotonic() < until:
            pass

    assert (told.status, told.headers["Retry-After"]) == (503, "5")
    assert told_again.status == 503, "who hung up while the store was asked holds the place until the thread is free"
    assert taken, "and no longer"
    assert child.wait_stopped() == 0


async def test_what_nobody_waits_for_counts_until_its_thread_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reader = Reader(at_nobody(silent), threads=1)
        asking = [asyncio.create_task(reader.ask("SELECT 1", {}, tenant="acme")) for _ in range(3)]
        query, _ = await asyncio.to_thread(silent.accept)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

        await eventually(lambda: reader.unanswered.total() == 1)
        query.close()
    await eventually(lambda: not reader.unanswered)
    await reader.close()


async def test_one_tenant_takes_no_place_from_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = create_app(
            at_nobody(silent), QUESTIONS, DASHBOARD, clock=CLOCK, threads=1, most_queries=9, most_queries_of_a_tenant=2,
            metrics=Metrics(),
        )  # fmt: skip
        async with TestClient(TestServer(app)) as client:
            asked = [asyncio.create_task(client.get("/v1/reports/jobs?tenant=acme")) for _ in range(2)]
            await eventually(lambda: app[READER].unanswered["acme"] == 2)
            refused = await client.get("/v1/reports/jobs?tenant=acme")
            asked.append(asyncio.create_task(client.get("/v1/reports/jobs?tenant=umbrella")))
            await eventually(lambda: app[READER].unanswered["umbrella"] == 1)
            silent.close()
            ended = await asyncio.gather(*asked)

            assert (refused.status, refused.headers["Retry-After"]) == (429, "5")
            assert (await refused.json())["error"]["code"] == "rate_limit_exceeded"
            assert {each.status for each in ended} == {503}


def at_nobody(silent: socket.socket) -> ClickHouseSettings:
    return ClickHouseSettings(url=f"clickhouse://127.0.0.1:{silent.getsockname()[1]}/headrace", timeout_s=20.0)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO answers (job_id) SELECT 'job_1'",
        "TRUNCATE TABLE answers",
        "ALTER TABLE answers DELETE WHERE 1",
        "CREATE TABLE mine (x UInt8) ENGINE = Memory",
        "DROP TABLE feedback",
    ],
)
async def test_a_report_that_would_write_is_refused(told: Database, statement: str) -> None:
    reader = Reader(told.settings, threads=1)
    with pytest.raises(Unavailable, match="readonly mode"):
        await reader.ask(statement, {})
    ((answers,),), _ = await reader.ask("SELECT count() FROM answers FINAL", {})
    ((tables,),), _ = await reader.ask("SELECT count() FROM system.tables WHERE database = currentDatabase()", {})
    await reader.close()

    assert (answers, tables) == (10, 6)


def test_the_command_serves_until_it_is_told_to_stop(told: Database, tmp_path: Path) -> None:
    port = free_ports(1)[0]
    command = Command(
        name="reports",
        argv=(sys.executable, "-m", "infra.cli", "reports"),
        log=tmp_path / "reports.log",
        ready=(tmp_path / "ready").exists,
        advice="",
        environment=child_environment(
            told.settings, ReportsSettings(port=port), ServiceSettings(ready_file=str(tmp_path / "ready"))
        ),
    )
    child = Child(command)
    child.wait_ready()

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/reports/totals") as response:
        body = json.load(response)

    assert body["data"][0]["jobs"] == 10
    assert child.wait_stopped() == 0
