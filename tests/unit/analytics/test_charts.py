"""Charts as data: what the file may say, and what rows become."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from analytics.reports import shaping
from analytics.reports.charts import Chart, Column, WrongChart, read
from analytics.reports.ranges import Range

VIEW = Range(since_s=0, until_s=250, bucket_s=100)
JOBS = Chart(
    id="jobs", section="S", title="T", help="H.", query="q", kind="stacked", by="status", columns=(Column(name="n"),)
)
WAIT = Chart(id="wait", section="S", title="T", help="H.", query="q", kind="line", columns=(Column(name="p50"),))


TILE = Chart(id="all", section="S", title="T", help="H.", query="q", kind="tile", columns=(Column(name="n"),))


def row(bucket_s: int, **values: Any) -> dict[str, Any]:
    return {"bucket": datetime.fromtimestamp(bucket_s, UTC), **values}


def shown(chart: Chart, *rows: dict[str, Any]) -> dict[str, list[Any]]:
    found = shaping.series(chart, rows, VIEW, {"failed": "bad"})
    return {each.label: each.values for each in found}


def test_where_a_query_says_nothing_a_count_is_zero_and_a_percentile_unknown() -> None:
    assert shown(JOBS, row(100, status="failed", n=3)) == {"failed": [0, 3, 0]}
    assert shown(WAIT, row(100, p50=3.5)) == {"p50": [None, 3.5, None]}
    assert shown(WAIT) == {"p50": [None, None, None]}


def test_a_tile_asks_for_the_range_before_too_and_percentiles_for_the_whole() -> None:
    waits = msgspec.structs.replace(WAIT, kind="percentiles", limit=7)
    view = replace(VIEW, limit=7)

    assert shaping.asked(TILE, VIEW) == [("q", VIEW), ("q", VIEW.before())]
    assert shaping.asked(waits, VIEW) == [("q", view), ("q", view.whole())]
    assert shaping.asked(JOBS, VIEW) == [("q", VIEW)]


def test_a_description_says_whether_filters_reach_its_chart() -> None:
    told = [shaping.described(JOBS, reads)["filtered"] for reads in (("answers",), ("events",))]

    assert told == [True, False]


def test_a_stack_adds_up_what_its_query_tells_apart_further() -> None:
    rows = [row(0, status="failed", n=1), row(0, status="failed", n=2), row(200, status="completed", n=9)]

    assert shown(JOBS, *rows) == {"completed": [0, 0, 9], "failed": [3, 0, 0]}


def test_a_percentile_is_never_added_up() -> None:
    with pytest.raises(WrongChart, match="twice"):
        shown(WAIT, row(0, p50=1.0), row(0, p50=2.0))


def test_what_is_small_is_added_up_so_that_nothing_is_missing() -> None:
    found = shaping.series(JOBS, [row(0, status=f"s{number:02}", n=number) for number in range(1, 21)], VIEW, {})

    assert len(found) == shaping.MOST_SERIES
    assert (found[0].name, found[-1].label) == ("s20", "13 others")
    assert sum(each.values[0] for each in found) == sum(range(1, 21))


def test_a_series_carries_the_meaning_of_its_value() -> None:
    (found,) = shaping.series(JOBS, [row(0, status="failed", n=1)], VIEW, {"failed": "bad"})

    assert (found.meaning, found.total) == ("bad", 1)


def test_csv_has_a_line_for_every_bucket_and_no_formula() -> None:
    data = shaping.shape(JOBS, [row(100, status="=1+1", n=3), row(100, status='a,"b', n=1)], VIEW, {})

    lines = list(csv.reader(io.StringIO(shaping.as_csv(JOBS, data, VIEW))))

    assert lines == [
        ["time", "'=1+1", 'a,"b'],
        ["1970-01-01T00:00:00.000Z", "0", "0"],
        ["1970-01-01T00:01:40.000Z", "3", "1"],
        ["1970-01-01T00:03:20.000Z", "0", "0"],
    ]


def test_buckets_of_a_zone_are_found_again() -> None:
    view = replace(VIEW, zone_s=30)

    found = shaping.series(WAIT, [row(-30, p50=1.0), row(70, p50=2.0)], view, {})

    assert (view.buckets(), found[0].values) == ([-30, 70, 170], [1.0, 2.0, None])


CHART = """
[meanings]
[drill_down]
[[chart]]
id = "a"
section = "S"
title = "A"
help = "H."
query = "jobs"
kind = "stacked"
columns = [{ name = "jobs" }]
"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (CHART.replace('"jobs"\nkind', '"nothing"\nkind'), "there is no query 'nothing'"),
        (CHART.replace("stacked", "pie"), "Invalid enum value 'pie'"),
        (CHART.replace('[{ name = "jobs" }]', "[]"), "it shows no column"),
        (CHART.replace("stacked", "tile").replace("[{", '[{ name = "x" }, {'), "a tile shows one column"),
        (CHART.replace("stacked", "table") + 'by = "lane"\n', "`by` is for one column over time"),
        (CHART + 'colour = "red"\n', "unknown field `colour`"),
        (CHART + CHART.partition("[drill_down]")[2], "two charts have this id"),
        ("[[chart]", "charts.toml"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(WrongChart, match=".*".join(why.split("`"))):
        read(text, {"jobs"})


def test_a_chart_is_a_few_lines() -> None:
    (chart,) = read(CHART, {"jobs"}).charts

    assert chart.needs == {"bucket", "jobs"}
