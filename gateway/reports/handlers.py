"""GET /v1/reports and /v1/dashboard: answered by the reports process, for the caller's own tenant only."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from gateway.http.problems import bad_value, not_found, unavailable
from gateway.keys import CALLER, REPORTS, SETTINGS

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


async def rows(request: web.Request, name: str, asked: Mapping[str, str], tenant: str | None) -> list[dict[str, Any]]:
    """The rows of a report, of one tenant or of all.

    Raises:
        Problem: the reports process does not answer.
    """
    whose = [] if tenant is None else [("tenant", tenant)]
    answer = await _ask(request, f"/v1/reports/{name}", [*asked.items(), *whose])
    if answer.status != HTTPStatus.OK or not isinstance(answer.body, bytes):
        raise unavailable("The reports process cannot answer just now.", 5.0)
    found: list[dict[str, Any]] = msgspec.json.decode(answer.body)["data"]
    return found


async def _fetched(request: web.Request, path: str) -> web.Response:
    if "tenant" in request.query:
        raise bad_value("tenant is not a parameter here: it is always your key's own tenant that is told of.", "tenant")
    return await _ask(request, path, [*request.query.items(), ("tenant", request[CALLER].tenant)])


async def _ask(request: web.Request, path: str, params: list[tuple[str, str]]) -> web.Response:
    base = request.app[SETTINGS].reports_url.rstrip("/")
    if not base:
        raise unavailable("No reports process is running beside this gateway.", 30.0)
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
