"""GET /v1/usage: what was used and what it cost, by key, model and month, as the analytics know it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from gateway import prices
from gateway.http import problems
from gateway.http.objects import as_json
from gateway.http.problems import Problem, bad_value
from gateway.keys import CALLER, CLOCK, REGISTRY, SETTINGS
from gateway.prices import Price
from gateway.reports import handlers as reports
from producers.events import KeyIssued

MOST_ROWS: Final = 10_000
MOST_MONTHS: Final = 36
GROUPS: Final = ("month", "tenant", "key", "model")
_COUNTS: Final = ("jobs", "cached_jobs", "embeddings", "prompt_tokens", "completion_tokens")
_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_KNOWN: Final = frozenset({"from", "to", "group_by", "key", "model", "tenant", "all_tenants"})


@dataclass(frozen=True)
class UsageAsked:
    """Which usage: from the first month to the last, of one tenant or of all (None), in these groups."""

    since: datetime
    until: datetime
    tenant: str | None
    groups: tuple[str, ...]
    key: str | None
    model: str


async def read_usage(request: web.Request) -> web.Response:
    """Of the caller's own tenant; with the scope `admin` of another, or of all."""
    caller, settings = request[CALLER], request.app[SETTINGS]
    asked = usage_asked(request.query, caller, datetime.fromtimestamp(request.app[CLOCK].now_ms() / 1000, UTC))
    params = {
        "since_s": f"{asked.since.timestamp():.0f}",
        "until_s": f"{asked.until.timestamp():.0f}",
        "bucket_s": "86400",
        "limit": str(MOST_ROWS),
        **({"model": asked.model} if asked.model else {}),
    }
    rows = await reports.rows(request, "usage", params, asked.tenant)
    keys = request.app[REGISTRY].registry.keys
    data = [
        {**each, "key_name": keys[each["key"]].name if each.get("key") in keys else None}
        if "key" in asked.groups
        else each
        for each in usage(rows, asked, prices.read(settings.prices))
    ]
    body = {"object": "list", "data": data, "currency": settings.currency, "has_more": len(rows) == MOST_ROWS}
    return as_json(body)


def usage(rows: list[dict[str, Any]], asked: UsageAsked, known: Mapping[str, Price]) -> list[dict[str, Any]]:
    """The rows of the report in the groups asked for; where a model has no price, what it is in costs null."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        if asked.key is not None and row["key"] != asked.key:
            continue
        named = row | {"month": f"{row['month'] // 100}-{row['month'] % 100:02}"}
        group = {name: named[name] for name in asked.groups}
        sums = found.setdefault(
            tuple(group.values()), {"object": "usage", **group, **dict.fromkeys(_COUNTS, 0), "cost": 0.0}
        )
        for name in _COUNTS:
            sums[name] += row[name]
        price = known.get(row["model"])
        if price is None or sums["cost"] is None:
            sums["cost"] = None
        else:
            sums["cost"] += price.of(row["prompt_tokens"], row["completion_tokens"])
    for sums in found.values():
        sums["total_tokens"] = sums["prompt_tokens"] + sums["completion_tokens"]
        sums["cost"] = None if sums["cost"] is None else round(sums["cost"], 6)
    return list(found.values())


def usage_asked(query: Mapping[str, str], caller: KeyIssued, now: datetime) -> UsageAsked:
    """What a query string asks for; this month of the caller's tenant where it says nothing.

    Raises:
        Problem: 400 with the parameter; 403 where it is not the caller's to see.
    """
    for name in query:
        if name not in _KNOWN:
            raise bad_value(f"{name[:100]} is not a parameter of usage; there are {', '.join(sorted(_KNOWN))}.", name)
    this_month = f"{now:%Y-%m}"
    last = _month("to", query.get("to", this_month))
    first = _month("from", query.get("from", f"{last:%Y-%m}"))
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if not 1 <= months <= MOST_MONTHS:
        raise bad_value(f"from must not be later than to, and {MOST_MONTHS} months are the most.", "from")
    return UsageAsked(
        since=first,
        until=_next(last),
        tenant=_tenant(query, caller),
        groups=_groups(query.get("group_by")),
        key=query.get("key"),
        model=query.get("model", ""),
    )


def _tenant(query: Mapping[str, str], caller: KeyIssued) -> str | None:
    everyone = query.get("all_tenants", "false")
    if everyone not in {"true", "false"}:
        raise bad_value("all_tenants must be true or false.", "all_tenants")
    if everyone == "true" and "tenant" in query:
        raise bad_value("Give tenant or all_tenants, not both.", "tenant")
    wanted = None if everyone == "true" else query.get("tenant", caller.tenant)
    if wanted != caller.tenant and "admin" not in caller.scopes:
        raise _not_yours()
    if wanted == "":
        raise bad_value("tenant is empty.", "tenant")
    return wanted


def _not_yours() -> Problem:
    return problems.forbidden("The usage of other tenants is for keys with the scope admin.")


def _groups(given: str | None) -> tuple[str, ...]:
    if given is None:
        return GROUPS
    asked = given.split(",")
    if wrong := [each for each in asked if each not in GROUPS]:
        raise bad_value(f"group_by: {wrong[0][:100]!r} is none of {', '.join(GROUPS)}.", "group_by")
    return tuple(each for each in GROUPS if each in asked)


def _month(name: str, given: str) -> datetime:
    found = _MONTH.fullmatch(given)
    if found is None:
        raise bad_value(f"{name} must be a month such as 2026-11.", name)
    return datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)


def _next(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
