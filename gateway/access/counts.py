"""What is counted against a key's budgets by the request, also while it looks through a long list."""

from aiohttp import web

from gateway.access import limits
from gateway.http.requests import route_of
from gateway.keys import CALLER, CLOCK, INTAKE, LIMITS, REGISTRY
from producers.jobs.intake import OverQuota
from producers.state.walking import GoOn


async def count(request: web.Request) -> None:
    """Count a request of a key.

    Raises:
        Problem: 429, it is one too many.
        Unavailable: Redis does not answer.
    """
    if (limit := await _counted(request)) is not None:
        raise limits.too_much(limit, limits.budget_of(request.method, route_of(request)), request.app[CLOCK].now_ms())


def going_on(request: web.Request) -> GoOn:
    """Counts as reads what a filter passes over: a key that has none left gets the page as far as it is, or 429."""

    async def go_on(may_end: bool) -> bool:
        limit = await _counted(request)
        if limit is not None and not may_end:
            raise limits.too_much_passed_over(limit)
        return limit is None

    return go_on


async def _counted(request: web.Request) -> OverQuota | None:
    app, caller = request.app, request[CALLER]
    budget = limits.budget_of(request.method, route_of(request))
    of_tenant = app[REGISTRY].registry.limits_of(caller.tenant)
    counted = await app[INTAKE].count(
        limits.buckets(caller, budget), limits.scaled(caller.limits, budget), limits.scaled(of_tenant, budget)
    )
    request[LIMITS] = limits.headers(budget, counted.stands if isinstance(counted, OverQuota) else counted)
    return counted if isinstance(counted, OverQuota) else None
