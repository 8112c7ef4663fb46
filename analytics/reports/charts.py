"""The charts of the dashboard as data: which query, which of its columns, drawn how. `charts.toml` holds them."""

import tomllib
from collections.abc import Iterable
from importlib import resources
from typing import Literal

import msgspec

from infra.errors import OurFault

Kind = Literal["tile", "line", "stacked", "percentiles", "table"]
Unit = Literal["count", "tokens", "share", "ms", "per_second", "text", "time", "status", "job"]
OVER_TIME: frozenset[Kind] = frozenset({"line", "stacked", "percentiles"})


class WrongChart(OurFault):
    """A chart is described as no chart can be."""


class _Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what stands in the file: what it does not know is refused."""


class Column(_Described, frozen=True, kw_only=True):
    """A column of the query's answer: a series, a cell of a table, or the number of a tile."""

    name: str
    label: str = ""
    unit: Unit | None = None
    """The chart's own where nothing is said."""
    meaning: str = ""
    """What the series stands for, where its colour is to tell it."""


class Chart(_Described, frozen=True, kw_only=True):
    """One chart."""

    id: str
    section: str
    title: str
    help: str
    query: str
    kind: Kind
    columns: tuple[Column, ...]
    unit: Unit = "count"
    by: str = ""
    """Over time: the column whose values are series of their own, of the one column that is shown."""
    drill: dict[Literal["model", "lane", "status"], str] | None = None
    """Over time: a bucket can be opened to see its jobs, those that match this."""
    better: Literal["up", "down", ""] = ""
    """Of a tile: which way is good news."""
    limit: int = 100
    """Of a table: most rows."""

    def unit_of(self, column: Column) -> Unit:
        """How the values of a column are written."""
        return column.unit or self.unit

    @property
    def needs(self) -> set[str]:
        """The columns that its query must answer with."""
        over_time = {"bucket"} if self.kind in OVER_TIME else set()
        return {each.name for each in self.columns} | over_time | ({self.by} if self.by else set())


class Dashboard(_Described, frozen=True, kw_only=True):
    """All charts in their order, and the meanings of values that have one colour everywhere."""

    charts: tuple[Chart, ...] = msgspec.field(name="chart")
    meanings: dict[str, str]
    drill_down: dict[str, str]
    """Queries without a chart, and what they are for."""


def dashboard(queries: Iterable[str]) -> Dashboard:
    """The dashboard of the file.

    Raises:
        WrongChart: a description makes no sense, or names none of these queries.
    """
    return read((resources.files("analytics") / "charts.toml").read_text(), queries)


def read(text: str, queries: Iterable[str]) -> Dashboard:
    """A dashboard as TOML describes it.

    Raises:
        WrongChart: a description makes no sense, or names none of these queries.
    """
    try:
        found = msgspec.convert(tomllib.loads(text), Dashboard)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise WrongChart(f"charts.toml: {error}") from None
    known = set(queries)
    wrong = [f"{each.id}: {why}" for each in found.charts for why in _troubles(each, known)]
    ids = [each.id for each in found.charts]
    wrong += [f"{id}: two charts have this id" for id in sorted({each for each in ids if ids.count(each) > 1})]
    if wrong:
        raise WrongChart("charts.toml: " + "; ".join(wrong))
    return found


def _troubles(chart: Chart, queries: set[str]) -> Iterable[str]:
    if chart.query not in queries:
        yield f"there is no query {chart.query!r}"
    if not chart.columns:
        yield "it shows no column"
    if chart.kind == "tile" and len(chart.columns) != 1:
        yield "a tile shows one column"
    if chart.by and (chart.kind not in OVER_TIME or len(chart.columns) != 1):
        yield "`by` is for one column over time"
