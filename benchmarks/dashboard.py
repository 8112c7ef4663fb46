"""The dashboard over a long past, with these sources of its queries and with others.

Run: `python -m benchmarks.dashboard --against FOLDER [--jobs 1000000]`; the folder is the `analytics/sources` of
another version. Fills the embedded ClickHouse with twelve months of one tenant, each job with a webhook and a thumb,
and asks for all charts, one view at a time; the other version is baseline and control.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
from aiohttp.test_utils import TestClient, TestServer
from rich.console import Console
from rich.table import Table

from analytics.migrate import migrate
from analytics.reports import shaping
from analytics.reports.app import create_app
from analytics.reports.questions import Question, bare, files, question, questions
from analytics.reports.ranges import read_view
from analytics.reports.reader import SETTINGS
from analytics.settings import AnalyticsSettings
from benchmarks.measure import Arm, interleave, ratio_of_rounds, spread
from infra.clock import ManualClock
from infra.telemetry.metrics import Metrics
from tests.support.clickhouse import Database, a_clickhouse, a_database
from tests.support.past import TENANT, write_past
from tests.support.reports import DASHBOARD

NOW_S = 1_800_003_600
DAYS = 365
Client = TestClient[Any, Any]
Questions = dict[str, Question]


def questions_over(folder: Path) -> Questions:
    """Every query, over the sources of that folder."""
    sources = {each.stem: bare(each.read_text()) for each in folder.glob("*.sql")}
    return {name: question(name, text, sources) for name, text in files("queries").items()}


def rows_read(store: Database, asked: Questions, wanted: str) -> int:
    """Rows that ClickHouse reads for all charts of a view."""
    view = read_view({"range": wanted, "tenant": TENANT}, now_s=NOW_S)
    rows = 0
    for query, each in dict.fromkeys(one for chart in DASHBOARD.charts for one in shaping.asked(chart, view)):
        store.client.execute(asked[query].sql, each.parameters(), settings=SETTINGS)
        rows += store.client.last_query.progress.rows
    return rows


@asynccontextmanager
async def reports(store: Database, asked: Questions) -> AsyncIterator[Client]:
    """The process `reports` with these queries."""
    clock = ManualClock(NOW_S * 1000.0)
    app = create_app(store.settings, asked, DASHBOARD, clock=clock, threads=4, metrics=Metrics())
    async with TestClient(TestServer(app)) as client:
        yield client


def viewing(client: Client, wanted: str) -> Arm:
    """One view of all charts, in ms."""

    async def view() -> list[float]:
        started = time.perf_counter()
        async with client.get("/v1/dashboard", params={"range": wanted, "tenant": TENANT}) as reply:
            body = await reply.json()
            assert not [each["error"] for each in body["charts"] if "error" in each], body
        return [1000 * (time.perf_counter() - started)]

    return view


async def measure(store: Database, others: Questions, rounds: int) -> Table:
    """All figures as one table."""
    table = Table("range", "rows read: other", "these", "view: other", "other again (A/A)", "these", "ratio")
    ours = questions()
    async with reports(store, others) as before, reports(store, ours) as now:
        for wanted in ("15m", "24h", "30d"):
            read = [f"{rows_read(store, each, wanted):,}" for each in (others, ours)]
            arms = {"other": viewing(before, wanted), "again": viewing(before, wanted), "these": viewing(now, wanted)}
            found = await interleave(arms, rounds)
            table.add_row(
                wanted, *read, f"{found['other'].p50:.0f} ms", spread(ratio_of_rounds(found["again"], found["other"])),
                f"{found['these'].p50:.0f} ms", spread(ratio_of_rounds(found["these"], found["other"])),
            )  # fmt: skip
    return table


@click.command()
@click.option("--against", type=click.Path(exists=True, path_type=Path), required=True, help="Sources to compare with.")
@click.option("--jobs", default=1_000_000, show_default=True, help="Jobs of twelve months.")
@click.option("--rounds", default=5, show_default=True, help="Rounds that are counted.")
def main(against: Path, jobs: int, rounds: int) -> None:
    """Measure the dashboard over a year of jobs."""
    others = questions_over(against)
    with tempfile.TemporaryDirectory() as folder:
        server = a_clickhouse(Path(folder))
        server.start()
        try:
            with a_database(server) as store:
                migrate(store.settings, AnalyticsSettings())
                write_past(store.client, until_s=NOW_S, days=DAYS, jobs=jobs)
                Console().print(asyncio.run(measure(store, others, rounds)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
