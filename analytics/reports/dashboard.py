"""The dashboard's numbers: every query asked once, however many charts show it.

- `GET /v1/dashboard?range=24h&zone_s=&model=&lane=&status=&charts=`: all charts, or those named, with their data
- `GET /v1/dashboard/{chart}.csv`: the data of one
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from analytics.reports import shaping
from analytics.reports.charts import Chart
from analytics.reports.keys import CLOCK, DASHBOARD, QUESTIONS, READER
from analytics.reports.ranges import Range, WrongParameter, read_view
from analytics.reports.shaping import RangedQuery, Row
from infra.errors import Unavailable

NOT_NOW = "This could not be counted just now."


async def show(request: web.Request) -> web.Response:
    """Charts with their data; what one query cannot tell keeps no other chart away."""
    view, charts = _wanted(request)
    found = await _ask(request, charts, view)
    if found and all(isinstance(each, Unavailable) for each in found.values()):
        raise next(each for each in found.values() if isinstance(each, Unavailable))
    questions = request.app[QUESTIONS]
    body = {
        "object": "dashboard",
        "since_s": view.since_s,
        "until_s": view.until_s,
        "bucket_s": view.bucket_s,
        "buckets": view.buckets(),
        "charts": [
            {**shaping.described(each, questions[each.query].reads), **_shown(request, each, found, view)}
            for each in charts
        ],
    }
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


async def export(request: web.Request) -> web.Response:
    """One chart's data as CSV.

    Raises:
        HTTPNotFound: there is no such chart.
        Unavailable: ClickHouse refused or does not answer.
    """
    chart = next((each for each in request.app[DASHBOARD].charts if each.id == request.match_info["chart"]), None)
    if chart is None:
        raise web.HTTPNotFound(text=f"there is no chart {request.match_info['chart']!r}; GET /v1/dashboard shows all")
    view, _ = _wanted(request)
    found = await _ask(request, [chart], view)
    for each in found.values():
        if isinstance(each, Unavailable):
            raise each
    data = _data(request, chart, found, view)
    headers = {"Content-Disposition": f'attachment; filename="{chart.id}.csv"'}
    return web.Response(text=shaping.as_csv(chart, data, view), content_type="text/csv", headers=headers)


def _wanted(request: web.Request) -> tuple[Range, Sequence[Chart]]:
    given = dict(request.query)
    named = [each for each in given.pop("charts", "").split(",") if each]
    charts = request.app[DASHBOARD].charts
    for id in named:
        if id not in {each.id for each in charts}:
            raise WrongParameter("charts", f"there is no chart {id!r}")
    view = read_view(given, now_s=request.app[CLOCK].now_ms() / 1000)
    return view, [each for each in charts if not named or each.id in named]


async def _ask(
    request: web.Request, charts: Iterable[Chart], view: Range
) -> Mapping[RangedQuery, Sequence[Row] | Unavailable]:
    wanted = list(dict.fromkeys(asked for chart in charts for asked in shaping.asked(chart, view)))
    found = await asyncio.gather(*(_rows(request, *each) for each in wanted))
    return dict(zip(wanted, found, strict=True))


async def _rows(request: web.Request, query: str, view: Range) -> Sequence[Row] | Unavailable:
    try:
        rows, columns = await request.app[READER].ask(
            request.app[QUESTIONS][query].sql, view.parameters(), tenant=view.tenant
        )
    except Unavailable as error:
        return error
    names = [name for name, _ in columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _shown(
    request: web.Request, chart: Chart, found: Mapping[RangedQuery, Sequence[Row] | Unavailable], view: Range
) -> dict[str, Any]:
    if any(isinstance(found[each], Unavailable) for each in shaping.asked(chart, view)):
        return {"error": NOT_NOW}
    return {"data": _data(request, chart, found, view)}


def _data(
    request: web.Request, chart: Chart, found: Mapping[RangedQuery, Sequence[Row] | Unavailable], view: Range
) -> dict[str, Any]:
    now, *more = (rows for each in shaping.asked(chart, view) if not isinstance(rows := found[each], Unavailable))
    data = shaping.shape(chart, now, view, request.app[DASHBOARD].meanings)
    if not more:
        return data
    return (shaping.compare if chart.kind == "tile" else shaping.overall)(chart, data, more[0])
