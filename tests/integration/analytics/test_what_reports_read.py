"""A report reads what its range is about, however long the past is, and its numbers stay those of the whole."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from analytics.migrate import migrate
from analytics.reports.ranges import Range
from analytics.reports.reader import SETTINGS, Reader
from analytics.settings import AnalyticsSettings
from tests.integration.analytics.test_dashboard import HOUR_AGO_S, NOW_S
from tests.support.clickhouse import Database, RunningClickHouse, a_database
from tests.support.eventually import eventually_sync
from tests.support.past import TENANT, write_past
from tests.support.reports import QUESTIONS

JOBS, DAYS = 300_000, 2 * 365
HOUR = Range(HOUR_AGO_S, NOW_S, tenant=TENANT)
BEFORE = 2


@pytest.fixture(scope="module")
def past(clickhouse_server: RunningClickHouse) -> Iterator[Database]:
    """Two years, most of which were there before the indexes."""
    without_retention = AnalyticsSettings(text_retention_days=0)
    with a_database(clickhouse_server) as store:
        migrate(store.settings, without_retention, to=BEFORE)
        write_past(store.client, until_s=NOW_S, days=DAYS, jobs=JOBS)
        migrate(store.settings, without_retention)
        undone = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done"
        eventually_sync(lambda: store.client.execute(undone) == [(0,)])
        yield store


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_last_hour_of_two_years_is_a_small_part_of_what_is_read(past: Database, name: str) -> None:
    past.client.execute(QUESTIONS[name].sql, HOUR.parameters(), settings=SETTINGS)

    assert 0 < past.client.last_query.progress.rows < JOBS / 10


def test_one_job_is_found_wherever_it_is(past: Database) -> None:
    job = f"job_{JOBS // 2:026}"
    asked = replace(HOUR, since_s=0, bucket_s=366 * 86_400, job=job)

    for name in ("job", "job_events", "job_feedback"):
        rows = past.client.execute(QUESTIONS[name].sql, asked.parameters(), settings=SETTINGS)
        assert len(rows) == 1, name


@pytest.mark.parametrize(
    ("first_s", "second_s", "counted"),
    [(HOUR_AGO_S - 60, HOUR_AGO_S + 60, 0), (HOUR_AGO_S + 60, HOUR_AGO_S - 60, 1)],
    ids=["the second in the range", "the first in the range"],
)
async def test_what_was_told_twice_counts_when_it_was_told_first(
    store: Database, first_s: float, second_s: float, counted: int
) -> None:
    for offset, at_s in enumerate((first_s, second_s)):
        store.client.execute(
            "INSERT INTO answers (offset, job_id, tenant, received_at, finished_at) VALUES",
            [(offset, "job_1", TENANT, ms(HOUR_AGO_S - 90), ms(at_s))],
        )
        store.client.execute(
            "INSERT INTO job_events (offset, job_id, tenant, type, webhook_id, at) VALUES",
            [(offset, "job_1", TENANT, "DeliveryAttempted", "msg_1", ms(at_s))],
        )
    assert await found(store, "totals") == await found(store, "webhook_totals") == counted


async def test_a_job_that_took_a_year_counts_when_it_ended(store: Database) -> None:
    began = ms(NOW_S - 366 * 86_400)
    ended = (("job_2", ms(HOUR_AGO_S + 1)), ("job_3", ms(HOUR_AGO_S - 1)))
    rows = [(offset, job, TENANT, began, at) for offset, (job, at) in enumerate(ended)]
    store.client.execute("INSERT INTO answers (offset, job_id, tenant, received_at, finished_at) VALUES", rows)

    assert await found(store, "totals") == 1


async def test_the_last_word_alone_counts_where_it_was_said(store: Database) -> None:
    for offset, at_s in enumerate((HOUR_AGO_S - 60, HOUR_AGO_S + 60)):
        store.client.execute(
            "INSERT INTO feedback (offset, feedback_id, job_id, tenant, kind, author, at) VALUES",
            [(offset, "fb_1", "job_1", TENANT, "thumb", "ann", ms(at_s))],
        )

    assert await found(store, "feedback_totals") == 1
    assert await found(store, "feedback_totals", HOUR.before()) == 0


def ms(at_s: float) -> int:
    """As the driver takes a DateTime64(3)."""
    return int(at_s * 1000)


async def found(store: Database, name: str, view: Range = HOUR) -> int:
    """The first number that a report tells of the view."""
    reader = Reader(store.settings, threads=1)
    rows, _ = await reader.ask(QUESTIONS[name].sql, view.parameters())
    await reader.close()
    return int(rows[0][0])
