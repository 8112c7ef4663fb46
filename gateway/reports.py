"""GET /v1/reports and /v1/dashboard: answered by the reports process, for the caller's own tenant only."""

import re
from http import HTTPStatus

import aiohttp
from aiohttp import web

from gateway.keys import CALLER, REPORTS, SETTINGS
from gateway.problems import not_found, unavailable

_TOLD = ("Content-Type", "Content-Disposition", "Retry-After")
_NAME = re.compile(r"[a-z0-9][a-z0-9_\-]{0,63}")


async def list_reports(request: web.Request) -> web.Response:
    """Which reports there are."""
    return await _fetched(request, "/v1/reports")


async def read_report(request: web.Request) -> web.Response:
    """One report; the query string goes with it."""
    name = request.match_info["name"]
    if _NAME.fullmatch(name) is None:
        raise not_found("There is no such report.")
    return await _fetched(request, f"/v1/reports/{name}")


async def show_dashboard(request: web.Request) -> web.Response:
    """The charts of the dashboard, with their data."""
    return await _fetched(request, "/v1/dashboard")


async def export_chart(request: web.Request) -> web.Response:
    """One chart's data as CSV."""
    name = request.match_info["chart"]
    if _NAME.fullmatch(name) is None:
        raise not_found("There is no such chart.")
    return await _fetched(request, f"/v1/dashboard/{name}.csv")


async def _fetched(request: web.Request, path: str) -> web.Response:
    base = request.app[SETTINGS].reports_url.rstrip("/")
    if not base:
        raise unavailable("No reports process is running beside this gateway.", 30.0)
    asked = [(name, value) for name, value in request.query.items() if name != "tenant"]
    params = [*asked, ("tenant", request[CALLER].tenant)]
    try:
        async with request.app[REPORTS].get(f"{base}{path}", params=params, allow_redirects=False) as answer:
            body, status = await answer.read(), answer.status
            told = {name: answer.headers[name] for name in _TOLD if name in answer.headers}
    except (TimeoutError, aiohttp.ClientError) as error:
        raise unavailable("The reports process does not answer.", 5.0) from error
    if status == HTTPStatus.NOT_FOUND:
        raise not_found("There is no such report.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise unavailable("The reports process cannot answer just now.", 5.0)
    return web.Response(status=status, body=body, headers=told)
