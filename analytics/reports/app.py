"""Read-only HTTP over the named queries, on loopback: the gateway authenticates, and proxies to it.

- `GET /v1/reports`: the queries there are
- `GET /v1/reports/{name}?since_s=&until_s=&bucket_s=&tenant=&limit=`: one query's rows; times are unix seconds
- `GET /v1/dashboard`, `GET /v1/dashboard/{chart}.csv`: the charts, see `dashboard`
- `GET /healthz`: whether ClickHouse answers
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from aiohttp import web

from analytics.reports import dashboard
from analytics.reports.charts import Dashboard
from analytics.reports.keys import CLOCK, DASHBOARD, METRICS, MOST_QUERIES, MOST_QUERIES_OF_A_TENANT, QUESTIONS, READER
from analytics.reports.questions import Question, plain
from analytics.reports.ranges import WrongParameter, read_range
from analytics.reports.reader import Reader
from analytics.settings import MOST_QUERIES_A_TENANT, MOST_QUERIES_AT_ONCE
from infra.clock import Clock
from infra.errors import Unavailable
from infra.settings import ClickHouseSettings
from infra.telemetry import requests
from infra.telemetry.metrics import Metrics

FULL_FOR_S = 5.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(
    settings: ClickHouseSettings,
    questions: Mapping[str, Question],
    charts: Dashboard,
    *,
    clock: Clock,
    threads: int,
    most_queries: int = MOST_QUERIES_AT_ONCE,
    most_queries_of_a_tenant: int = MOST_QUERIES_A_TENANT,
    metrics: Metrics,
) -> web.Application:
    """The application that answers these questions and draws from them; its reader lives as long as it runs."""
    app = web.Application(middlewares=[count, answer_errors, refuse_when_full])
    app[QUESTIONS] = dict(questions)
    app[DASHBOARD] = charts
    app[CLOCK] = clock
    app[METRICS] = metrics
    app[MOST_QUERIES] = most_queries
    app[MOST_QUERIES_OF_A_TENANT] = most_queries_of_a_tenant

    async def reader(app: web.Application) -> AsyncIterator[None]:
        app[READER] = Reader(settings, threads)
        yield
        await app[READER].close()

    app.cleanup_ctx.append(reader)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/v1/reports", list_reports)
    app.router.add_get("/v1/reports/{name}", report)
    app.router.add_get("/v1/dashboard", dashboard.show)
    app.router.add_get("/v1/dashboard/{chart}.csv", dashboard.export)
    return app


async def healthz(request: web.Request) -> web.Response:
    """Whether ClickHouse answers."""
    await request.app[READER].ask("SELECT 1", {})
    return web.json_response({"status": "ok"})


async def list_reports(request: web.Request) -> web.Response:
    """The queries there are."""
    listed = [{"name": each.name, "object": "report", "about": each.about} for each in request.app[QUESTIONS].values()]
    return web.json_response({"object": "list", "data": listed})


async def report(request: web.Request) -> web.Response:
    """One query's rows as objects."""
    question = request.app[QUESTIONS].get(request.match_info["name"])
    if question is None:
        raise web.HTTPNotFound(text=f"there is no report {request.match_info['name']!r}; GET /v1/reports lists them")
    wanted = read_range(request.query, now_s=request.app[CLOCK].now_ms() / 1000)
    rows, columns = await request.app[READER].ask(question.sql, wanted.parameters(), tenant=wanted.tenant)
    names = [name for name, _ in columns]
    return web.json_response(
        {
            "object": "report",
            "name": question.name,
            "about": question.about,
            "since_s": wanted.since_s,
            "until_s": wanted.until_s,
            "columns": [{"name": name, "type": kind} for name, kind in columns],
            "data": [dict(zip(names, map(plain, row), strict=True)) for row in rows],
        }
    )


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request."""
    clock = request.app[CLOCK]
    began_ms = clock.now_ms()
    response = await handler(request)
    requests.count(request.app[METRICS], request, response, (clock.now_ms() - began_ms) / 1000)
    return response


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in the one shape that all our HTTP has."""
    try:
        return await handler(request)
    except WrongParameter as error:
        return _problem(400, str(error), "invalid_request_error", param=error.param)
    except Unavailable as error:
        return _problem(503, str(error), "server_error", headers={"Retry-After": str(math.ceil(error.after_s))})
    except web.HTTPError as error:
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _problem(error.status, error.text or error.reason, "invalid_request_error", headers=headers)


@web.middleware
async def refuse_when_full(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take a request with all its queries or not at all: behind a slow ClickHouse no queue may grow."""
    unanswered, tenant = request.app[READER].unanswered, request.query.get("tenant", "")
    if tenant and unanswered[tenant] >= request.app[MOST_QUERIES_OF_A_TENANT]:
        why = "Too many queries of yours wait for their answers."
        headers = {"Retry-After": f"{FULL_FOR_S:.0f}"}
        return _problem(429, why, "rate_limit_error", code="rate_limit_exceeded", headers=headers)
    if unanswered.total() >= request.app[MOST_QUERIES]:
        raise Unavailable("reports", "too many queries wait for their answers", after_s=FULL_FOR_S)
    return await handler(request)


def _problem(
    status: int,
    message: str,
    kind: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> web.Response:
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return web.json_response(body, status=status, headers=headers)
