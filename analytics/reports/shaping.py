"""What a chart asks, and rows of its query to what it shows. Pure: whatever is drawn, or written as CSV, was made here.

Over time every bucket of the range has its place. Where a query says nothing of a bucket, a count was zero; of a
percentile or a rate nothing is known there, and the line has a gap.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from analytics.reports.charts import OVER_TIME, Chart, Column, WrongChart
from analytics.reports.questions import plain
from analytics.reports.ranges import Range

MOST_SERIES = 8
REST = "others"
"""The name of all series that are too small to have one of their own."""

Row = Mapping[str, Any]
RangedQuery = tuple[str, Range]
"""A query, and for what it is asked."""


class Series(msgspec.Struct, frozen=True):
    """One line, or one layer of a stack; `total` tells of the whole range, where something can be told of it."""

    name: str
    label: str
    meaning: str
    values: list[Any]
    total: float | None


def asked(chart: Chart, view: Range) -> list[RangedQuery]:
    """What must be asked for it: first its rows, then what `compare` or `overall` adds to them."""
    view = replace(view, limit=chart.limit)
    match chart.kind:
        case "tile":
            return [(chart.query, view), (chart.query, view.before())]
        case "percentiles" if not chart.by:
            return [(chart.query, view), (chart.query, view.whole())]
        case _:
            return [(chart.query, view)]


def described(chart: Chart, reads: tuple[str, ...]) -> Mapping[str, object]:
    """The description as the page needs it; `filtered`: whether model, lane and status reach its query."""
    return {
        "id": chart.id,
        "section": chart.section,
        "title": chart.title,
        "help": chart.help,
        "kind": chart.kind,
        "unit": chart.unit,
        "by": chart.by,
        "drill": chart.drill,
        "better": chart.better,
        "filtered": "answers" in reads,
    }


def shape(chart: Chart, rows: Sequence[Row], view: Range, meanings: Mapping[str, str]) -> dict[str, Any]:
    """What the page draws.

    Raises:
        WrongChart: the query's rows do not fit the description.
    """
    if chart.kind in OVER_TIME:
        return {"series": series(chart, rows, view, meanings)}
    if chart.kind == "tile":
        return {"value": _only_value(chart, rows)}
    return {"columns": [_heading(chart, each) for each in chart.columns], "rows": _cells(chart, rows)}


def compare(chart: Chart, now: dict[str, Any], rows_before: Sequence[Row]) -> dict[str, Any]:
    """A tile with its value in the range before."""
    return {**now, "before": _only_value(chart, rows_before)}


def overall(chart: Chart, now: dict[str, Any], rows_of_all: Sequence[Row]) -> dict[str, Any]:
    """Percentiles with those of the whole range: they do not follow from those of its buckets."""
    row = rows_of_all[0] if rows_of_all else {}
    return {"series": [msgspec.structs.replace(each, total=plain(row.get(each.name))) for each in now["series"]]}


def series(chart: Chart, rows: Sequence[Row], view: Range, meanings: Mapping[str, str]) -> list[Series]:
    """Each series over all buckets of the range; the largest stacks first."""
    places = {bucket: place for place, bucket in enumerate(view.buckets())}
    empty = 0 if chart.kind == "stacked" else None
    found: dict[str, list[Any]] = {} if chart.by else {each.name: [empty] * len(places) for each in chart.columns}
    taken: set[tuple[str, int]] = set()
    for row in rows:
        place = places[int(row["bucket"].timestamp())]
        for column in chart.columns:
            name = str(row[chart.by]) if chart.by else column.name
            values = found.setdefault(name, [empty] * len(places))
            if chart.kind == "stacked":
                values[place] += row[column.name]
            elif (name, place) in taken:
                raise WrongChart(f"{chart.id}: its query tells twice of {name!r} in one bucket")
            else:
                values[place] = plain(row[column.name])
            taken.add((name, place))
    made = [_series(chart, name, values, meanings) for name, values in found.items()]
    return _fewer(chart, made) if chart.by else made


def _series(chart: Chart, name: str, values: list[Any], meanings: Mapping[str, str]) -> Series:
    total = sum(values) if chart.kind == "stacked" else None
    if chart.by:
        return Series(name, name or "(none)", meanings.get(name, ""), values, total)
    column = next(each for each in chart.columns if each.name == name)
    return Series(name, column.label or name, column.meaning, values, total)


def _fewer(chart: Chart, made: list[Series]) -> list[Series]:
    """The largest by their totals; of a stack the rest is added up, of lines it is left out."""
    ordered = sorted(made, key=lambda each: (-(each.total or 0), each.name))
    if len(ordered) <= MOST_SERIES:
        return ordered
    kept, rest = ordered[: MOST_SERIES - 1], ordered[MOST_SERIES - 1 :]
    if chart.kind != "stacked":
        return ordered[:MOST_SERIES]
    summed = [sum(each) for each in zip(*(each.values for each in rest), strict=True)]
    return [*kept, Series("", f"{len(rest)} {REST}", "faint", summed, sum(summed))]


def _only_value(chart: Chart, rows: Sequence[Row]) -> Any:
    return plain(rows[0][chart.columns[0].name]) if rows else None


def _heading(chart: Chart, column: Column) -> dict[str, str]:
    return {"name": column.name, "label": column.label or column.name, "unit": chart.unit_of(column)}


def _cells(chart: Chart, rows: Iterable[Row]) -> list[list[Any]]:
    return [[plain(row[each.name]) for each in chart.columns] for row in rows]


def as_csv(chart: Chart, data: Mapping[str, Any], view: Range) -> str:
    """The chart's numbers as they are, for a spreadsheet; times in UTC."""
    told = io.StringIO()
    writer = csv.writer(told)
    if chart.kind in OVER_TIME:
        writer.writerow(["time", *(_harmless(each.label) for each in data["series"])])
        for at_s, *values in zip(view.buckets(), *(each.values for each in data["series"]), strict=True):
            writer.writerow([_instant(at_s), *values])
    elif chart.kind == "tile":
        writer.writerows([[chart.columns[0].name, "before"], [data["value"], data["before"]]])
    else:
        writer.writerow([each.name for each in chart.columns])
        units = [chart.unit_of(each) for each in chart.columns]
        for row in data["rows"]:
            writer.writerow([_cell(value, unit) for value, unit in zip(row, units, strict=True)])
    return told.getvalue()


def _cell(value: Any, unit: str) -> Any:
    if unit == "time" and value is not None:
        return _instant(value)
    return _harmless(value) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    """Spreadsheets run what begins like a formula; an apostrophe keeps it text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _instant(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
