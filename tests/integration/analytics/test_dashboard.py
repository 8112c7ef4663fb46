"""The dashboard's numbers over a real ClickHouse, against rows whose numbers were worked out by hand."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from analytics import rows
from analytics.ingest.writer import Writer
from analytics.migrate import migrate
from analytics.reports.app import create_app
from analytics.reports.ranges import Range
from analytics.rows import AnswerRow, TimedPlace
from analytics.settings import AnalyticsSettings
from infra.clock import ManualClock
from infra.settings import ClickHouseSettings
from infra.telemetry.metrics import Metrics
from producers.events import DeliveryAttempted, FeedbackGiven, Terminal, Usage
from producers.log.topics import ANSWERS, FEEDBACK, JOB_EVENTS
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt
from tests.support.clickhouse import Database, RunningClickHouse, a_database
from tests.support.history import TABLES
from tests.support.reports import DASHBOARD, QUESTIONS

# 2027-01-15 09:00:00 UTC: the last hour is from 08:00:00 on, in buckets of a minute.
NOW_S = 1_800_003_600
HOUR_AGO_S = NOW_S - 3600
ORIGIN = TimedPlace("answers", 0, 0, NOW_S * 1000.0)
CHARTS = {each.id: each for each in DASHBOARD.charts}
ENDINGS: dict[str, Callable[..., Terminal]] = {"completed": a_completed, "failed": a_failed, "cancelled": a_cancelled}
Client = TestClient[Any, Any]


def an_answer(end_s: float, offset: int, *, kind: str = "completed", wait_ms: float = 0.0, **fields: Any) -> AnswerRow:
    """A job that ended at that instant after a wait and 1 s in the model."""
    end_ms = end_s * 1000
    start_ms = end_ms - 1000 - wait_ms
    prompt = a_prompt(tenant=fields.pop("tenant", "acme"), received_ms=start_ms, model=fields.pop("model", "smollm2"))
    steps = {"received": start_ms, "claimed": start_ms + wait_ms, "first_token": start_ms + wait_ms + 200}
    told = {"timeline": {**steps, "finished": end_ms}, "usage": Usage(10, 5), **fields}
    return rows.answer_row(ENDINGS[kind](prompt, **told), ORIGIN._replace(offset=offset), store_text=True)


def jobs() -> list[AnswerRow]:
    """What happened: ten answers in the second minute, and others at the edges of things."""
    waits = [an_answer(HOUR_AGO_S + 60 + number, number, wait_ms=number * 10.0) for number in range(1, 11)]
    return [
        *waits,
        an_answer(HOUR_AGO_S, 20, kind="failed"),  # the first instant of the range
        an_answer(HOUR_AGO_S + 119.999, 21, kind="cancelled", ran=True),  # the last of a minute
        an_answer(HOUR_AGO_S + 120, 22, cache="hit"),  # the first of the next
        an_answer(NOW_S - 0.001, 23, model="other"),  # the last of the range
        an_answer(NOW_S, 24),  # after it
        an_answer(HOUR_AGO_S - 0.001, 25),  # before it
        an_answer(HOUR_AGO_S - 1800, 26),
        an_answer(HOUR_AGO_S + 90, 27, tenant="umbrella"),
    ]


@pytest.fixture(scope="module")
def told(clickhouse_server: RunningClickHouse) -> Iterator[Database]:
    """A store in which all that happened, and much of it was written twice; nobody changes it."""
    with a_database(clickhouse_server) as store:
        migrate(store.settings, AnalyticsSettings())
        tell(store)
        yield store


def tell(store: Database) -> None:
    answers = jobs()
    sent = [("msg_1", 1, "retry", 10.0), ("msg_1", 2, "delivered", 20.0), ("msg_2", 1, "exhausted", 60.0)]
    deliveries = [
        DeliveryAttempted(
            job_id="job_1", tenant="acme", webhook_id=id, url="https://x.example/y", attempt=attempt, status=200,
            outcome=outcome, duration_ms=took_ms, at_ms=(HOUR_AGO_S + 300) * 1000,  # type: ignore[arg-type]
        )
        for id, attempt, outcome, took_ms in sent
    ]  # fmt: skip
    said = [("up", "ann", 1), ("down", "ann", 2), ("up", "bob", 3), ("up", "eve", 4)]
    judged = [
        FeedbackGiven(
            feedback_id=f"fb_{author}", job_id="job_1", tenant="acme", key_id="k", kind="thumb", value=value,
            author=author, at_ms=(HOUR_AGO_S + 600 + at_s) * 1000,
        )
        for value, author, at_s in said
    ]  # fmt: skip
    writer = Writer(store.settings)
    writer.insert(TABLES[ANSWERS], answers, "first")
    writer.insert(TABLES[ANSWERS], [each._replace(offset=each.offset + 100) for each in answers], "published twice")
    events = [rows.job_event_row(each, ORIGIN._replace(offset=place)) for place, each in enumerate(deliveries)]
    writer.insert(TABLES[JOB_EVENTS], events, "first")
    thumbs = [
        rows.feedback_row(each, ORIGIN._replace(offset=place), store_text=True) for place, each in enumerate(judged)
    ]
    writer.insert(TABLES[FEEDBACK], thumbs, "first")
    writer.close()


@pytest.fixture
async def client(told: Database) -> AsyncIterator[Client]:
    async with a_client(told.settings) as client:
        yield client


def a_client(settings: ClickHouseSettings) -> Client:
    clock = ManualClock(NOW_S * 1000.0)
    return TestClient(TestServer(create_app(settings, QUESTIONS, DASHBOARD, clock=clock, threads=2, metrics=Metrics())))


async def view(client: Client, **asked: str) -> dict[str, Any]:
    """The data of each chart, by its id."""
    response = await client.get("/v1/dashboard", params={"range": "1h", "tenant": "acme", **asked})
    body = await response.json()
    assert response.status == 200, body
    return {each["id"]: each["data"] for each in body["charts"]}


def filled(data: dict[str, Any]) -> dict[str, dict[int, Any]]:
    """By label, the minutes in which there is something."""
    return {
        each["label"]: {minute: value for minute, value in enumerate(each["values"]) if value}
        for each in data["series"]
    }


async def test_every_job_is_counted_once_in_its_own_minute(client: Client) -> None:
    data = await view(client)

    assert filled(data["jobs_by_status"]) == {
        "completed": {1: 10, 2: 1, 59: 1}, "cancelled": {1: 1}, "failed": {0: 1},
    }  # fmt: skip
    assert filled(data["jobs_by_model"]) == {"smollm2": {0: 1, 1: 11, 2: 1}, "other": {59: 1}}
    assert filled(data["tokens"])["written"] == {0: 5, 1: 55, 2: 5, 59: 5}
    assert data["jobs_by_status"]["series"][0]["values"][:4] == [0, 10, 1, 0]


async def test_percentiles_are_those_of_the_rows_and_unknown_where_there_are_none(client: Client) -> None:
    data = await view(client)

    # Waits of 10 to 100 ms in the second minute: an exact quantile of ten is the value at place floor(10 q).
    by_label = {each["label"]: each for each in data["queue_wait"]["series"]}
    assert {label: each["values"][1] for label, each in by_label.items()} == {"p50": 60.0, "p90": 100.0, "p99": 100.0}
    assert [each["values"][0] for each in by_label.values()] == [None, None, None]
    # Of the whole range: the ten, and the two that did not wait.
    assert {label: each["total"] for label, each in by_label.items()} == {"p50": 50.0, "p90": 90.0, "p99": 100.0}
    assert data["speed"]["series"][1]["values"][1] == pytest.approx((5 - 1) / 0.8)


async def test_tiles_tell_of_the_range_and_of_the_one_before(client: Client) -> None:
    data = await view(client)

    assert data["jobs_total"] == {"value": 14, "before": 2}
    assert data["success_rate"]["value"] == pytest.approx(12 / 13)  # the cancelled one was not to be answered
    assert data["hit_rate"]["value"] == pytest.approx(1 / 12)
    assert data["webhooks_delivered"] == {"value": 0.5, "before": None}
    assert data["approval"] == {"value": pytest.approx(2 / 3), "before": None}  # ann changed her mind


async def test_filters_reach_what_knows_of_them(client: Client) -> None:
    failed = await view(client, status="failed", charts="jobs_total,jobs_by_status")
    other = await view(client, model="other", lane="standard")
    nothing = await view(client, lane="batch", charts="jobs_total")

    assert (failed["jobs_total"]["value"], filled(failed["jobs_by_status"])) == (1, {"failed": {0: 1}})
    assert (other["jobs_total"]["value"], other["webhooks_delivered"]["value"]) == (1, 0.5)
    assert nothing["jobs_total"]["value"] == 0


async def test_a_tenant_sees_only_its_own(client: Client) -> None:
    umbrella = await view(client, tenant="umbrella")
    nobody = await view(client, tenant="' OR 1 = 1 --")

    assert umbrella["jobs_total"] == {"value": 1, "before": 0}
    assert len(umbrella["recent_jobs"]["rows"]) == 1
    assert {id for id, data in nobody.items() if data.get("rows") or data.get("value")} == set()
    assert all(not any(each["values"]) for data in nobody.values() for each in data.get("series", []))


async def test_days_are_those_of_the_readers_clock(client: Client) -> None:
    month = {"since_s": str(NOW_S - 200 * 86_400), "until_s": str(NOW_S), "charts": "jobs_by_status", "range": ""}

    # At 08:00 UTC it is midnight where clocks are 16 h ahead: what was before that is yesterday's there.
    utc = await view(client, **month)
    ahead = await view(client, zone_s=str(16 * 3600), **month)

    assert filled(utc["jobs_by_status"])["completed"] == {200: 14}
    assert filled(ahead["jobs_by_status"]) == {
        "completed": {199: 2, 200: 12}, "cancelled": {200: 1}, "failed": {200: 1},
    }  # fmt: skip


async def test_a_chart_comes_as_csv(client: Client) -> None:
    response = await client.get("/v1/dashboard/jobs_by_status.csv", params={"range": "1h", "tenant": "acme"})
    unknown = await client.get("/v1/dashboard/nothing.csv")

    lines = (await response.text()).splitlines()
    assert (response.status, response.content_type) == (200, "text/csv")
    assert lines[:3] == [
        "time,completed,cancelled,failed", "2027-01-15T08:00:00.000Z,0,0,1", "2027-01-15T08:01:00.000Z,10,1,0",
    ]  # fmt: skip
    assert (len(lines), unknown.status) == (61, 404)


def test_every_chart_shows_columns_that_its_query_answers_with(store: Database) -> None:
    answered = {}
    for name, question in QUESTIONS.items():
        _, columns = store.client.execute(question.sql, Range(0, NOW_S).parameters(), with_column_types=True)
        answered[name] = {column for column, _ in columns}

    assert {
        each.id: each.needs - answered[each.query] for each in DASHBOARD.charts if each.needs - answered[each.query]
    } == {}


async def test_every_chart_can_be_drawn_and_saved_from_a_store_with_and_without_rows(
    client: Client, store: Database
) -> None:
    drawn = await view(client)
    saved = [await client.get(f"/v1/dashboard/{id}.csv", params={"range": "1h"}) for id in CHARTS]
    async with a_client(store.settings) as new:
        empty = await view(new)

    assert set(drawn) == set(empty) == set(CHARTS)
    assert {each.status for each in saved} == {200}
    assert empty["jobs_total"] == {"value": 0, "before": 0}


async def test_a_query_that_fails_keeps_no_other_chart_away(store: Database) -> None:
    store.client.execute("DROP TABLE feedback SYNC")
    async with a_client(store.settings) as client:
        response = await client.get("/v1/dashboard", params={"range": "1h"})
        body = await response.json()

    failed = {each["id"] for each in body["charts"] if "error" in each}
    assert response.status == 200
    assert failed == {"approval", "thumbs", "feedback", "latest_feedback"}


async def test_a_store_that_is_away_is_told_as_such() -> None:
    async with a_client(ClickHouseSettings(url="clickhouse://127.0.0.1:1/headrace", timeout_s=1.0)) as client:
        response = await client.get("/v1/dashboard")
        refused = await client.get("/v1/dashboard?range=2d")
        unknown = await client.get("/v1/dashboard?charts=nothing")

    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert (refused.status, unknown.status) == (400, 400)
