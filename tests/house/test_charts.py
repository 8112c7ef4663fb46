"""The dashboard and the named queries know one another, and no query reads what it was not given."""

import re

from analytics.reports.charts import dashboard
from analytics.reports.questions import questions
from tests.support.house import ROOT

QUESTIONS = questions()
DASHBOARD = dashboard(QUESTIONS)
TABLES = {"answers", "job_events", "feedback", "undecodable", "migrations"}


def test_every_query_has_a_chart_or_says_what_it_is_for() -> None:
    drawn = {each.query for each in DASHBOARD.charts}

    assert set(QUESTIONS) - drawn == set(DASHBOARD.drill_down)


def test_every_chart_says_what_it_shows() -> None:
    assert [each.id for each in DASHBOARD.charts if not each.help.endswith(".") or not each.title] == []


def test_no_query_reads_a_table_past_its_tenant() -> None:
    for path in sorted((ROOT / "analytics" / "queries").glob("*.sql")):
        bare = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("--"))
        read = set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", bare))
        assert {each for each in read if not each.startswith("asked_")} == set(), path.name
        assert read, path.name
    for path in (ROOT / "analytics" / "sources").glob("*.sql"):
        text = path.read_text()
        assert text.count("(%(tenant)s = '' OR tenant = %(tenant)s)") == text.count("FROM ") > 0, path.name


def test_every_meaning_has_a_colour_in_light_and_in_dark() -> None:
    css = (ROOT / "gateway" / "pages" / "static" / "dashboard" / "dashboard.css").read_text()
    meant = set(DASHBOARD.meanings.values()) | {
        column.meaning for chart in DASHBOARD.charts for column in chart.columns if column.meaning
    }

    assert {each for each in meant if css.count(f"--c-{each}:") != 2 or f".c-{each} {{" not in css} == set()
