"""The chart that docs/dashboards.md adds is a chart, and shows what it says."""

import re
from typing import get_args

from analytics.ingest.writer import Writer
from analytics.reports import charts, questions, shaping
from analytics.reports.ranges import Range
from producers.log.topics import ANSWERS
from tests.integration.analytics.test_dashboard import HOUR_AGO_S, NOW_S, an_answer
from tests.support.clickhouse import Database
from tests.support.history import TABLES
from tests.support.house import ROOT

PAGE = (ROOT / "docs" / "dashboards.md").read_text()


def block(language: str) -> str:
    """The first block of that language, without the indent of its list."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return "\n".join(line.removeprefix("   ") for line in found[1].splitlines())


def test_the_chart_of_the_page_can_be_added_as_it_says(store: Database) -> None:
    sources = {name: questions.bare(text) for name, text in questions.files("sources").items()}
    asked = questions.question("long_answers", block("sql"), sources)
    (chart,) = charts.read("[meanings]\n[drill_down]\n" + block("toml"), {"long_answers"}).charts
    answers = [
        an_answer(HOUR_AGO_S + 60, 1, finish_reason="length"),
        an_answer(HOUR_AGO_S + 61, 2, finish_reason="length"),
        an_answer(HOUR_AGO_S + 62, 3),
    ]
    writer = Writer(store.settings)
    writer.insert(TABLES[ANSWERS], answers, "long")
    writer.close()
    view = Range(HOUR_AGO_S, NOW_S, bucket_s=60, tenant="acme")

    rows, columns = store.client.execute(asked.sql, view.parameters(), with_column_types=True)
    names = [name for name, _ in columns]
    found = shaping.shape(chart, [dict(zip(names, row, strict=True)) for row in rows], view, {})

    assert asked.about == "Answers that were cut because they became too long."
    assert [(each.label, each.values[:3]) for each in found["series"]] == [("smollm2", [0, 2, 0])]


def test_the_page_names_every_kind_and_unit_there_is() -> None:
    known = (*get_args(charts.Kind), *get_args(charts.Unit))

    assert [each for each in known if f"`{each}`" not in PAGE] == []
