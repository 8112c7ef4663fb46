"""How often and how much: against what a request counts, and how its key stands, as headers and refusals. Pure."""

import math
from typing import Literal

import msgspec

from gateway.http import problems
from gateway.http.problems import Problem
from producers.events import KeyIssued, Limits
from producers.jobs.intake import OverQuota
from producers.limits.standing import Level, Standing, Stands
from producers.state.walking import LOOKED_AT_ONCE

Budget = Literal["permin", "reads"]
WRITES: Budget = "permin"
READS: Budget = "reads"
WINDOW_S = 60
READS_PER_WRITE = 10
"""How many reads a minute a key may make for each request that writes: who polls keeps its budget for prompts."""

_AS_READS = frozenset(
    {
        ("POST", "/v1/jobs/{job_id}/cancel"),
        ("POST", "/v1/responses/{response_id}/cancel"),
        ("POST", "/v1/batches/{batch_id}/cancel"),
        ("POST", "/v1/markdown"),
        ("POST", "/v1/tickets"),
    }
)
"""Who has spent its budget may still stop what it began; who has text rendered changes nothing."""


def budget_of(method: str, route: str) -> Budget:
    """The budget against which a request counts."""
    return READS if method in {"GET", "HEAD"} or (method, route) in _AS_READS else WRITES


def buckets(key: KeyIssued, budget: Budget) -> tuple[str, str]:
    """Where a key's requests are counted, and its tenant's."""
    suffix = ":reads" if budget == READS else ""
    return f"{key.id}{suffix}", f"tenant/{key.tenant}{suffix}"


def scaled(limits: Limits, budget: Budget) -> Limits:
    """The limits as they are for that budget."""
    if budget == WRITES or limits.requests_per_minute is None:
        return limits
    return msgspec.structs.replace(limits, requests_per_minute=limits.requests_per_minute * READS_PER_WRITE)


def headers(budget: Budget, stands: Stands | None) -> dict[str, str]:
    """How the key stands, in OpenAI's headers and the IETF's; OpenAI's tell of whoever has less left."""
    if stands is None:
        return {}
    key, tenant = stands.key, stands.tenant
    told = _openai("requests", key.requests, tenant.requests) | _openai("tokens", key.tokens, tenant.tokens)
    if policies := _policies(budget, key, "") + _policies(budget, tenant, "tenant-"):
        told["RateLimit-Policy"] = ", ".join([policy for policy, _ in policies])
        told["RateLimit"] = ", ".join([stand for _, stand in policies])
    return told


def _openai(unit: str, key: Level | None, tenant: Level | None) -> dict[str, str]:
    least = tenant if key is None or (tenant is not None and tenant.left < key.left) else key
    if least is None:
        return {}
    return {
        f"x-ratelimit-limit-{unit}": str(least.quota),
        f"x-ratelimit-remaining-{unit}": str(least.whole),
        f"x-ratelimit-reset-{unit}": period(math.ceil(least.full_in_ms / 1000)),
    }


def _policies(budget: Budget, it: Standing, prefix: str) -> list[tuple[str, str]]:
    """Each policy and how it stands. Tokens are no unit that the draft knows."""
    told = []
    if (level := it.requests) is not None:
        # Retry-After must not point earlier than `t`: with nothing left, that is until there is one again.
        until_ms = level.full_in_ms if level.whole else max(1000.0, level.has_in_ms(1))
        name = f'"{prefix}{budget}"'
        told.append((f"{name};q={level.quota};w={WINDOW_S}", f"{name};r={level.whole};t={math.ceil(until_ms / 1000)}"))
    for kind, quota, used in (("jobs", it.jobs_in_flight, it.in_flight), ("queued", it.queued_jobs, it.waiting)):
        if quota is not None and used is not None:
            name = f'"{prefix}{kind}"'
            told.append((f'{name};q={quota};qu="concurrent-requests"', f"{name};r={max(0, quota - used)}"))
    return told


def period(seconds: int) -> str:
    """Seconds as OpenAI writes them: `1s`, `6m0s`, `1h0m0s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


def too_much(limit: OverQuota, budget: Budget, at_ms: float) -> Problem:
    """A limit is reached by what came at that moment."""
    it, who = limit.standing, "This key" if limit.whose == "key" else "Your tenant"
    match limit.by:
        case "requests":
            kind, level = "reads" if budget == READS else "requests", it.requests
            wait_ms = level.has_in_ms(1) if level else 0.0
            return problems.limited(f"{who} may send {level.quota if level else 0} {kind} a minute.", wait_ms / 1000)
        case "jobs":
            return problems.limited(f"{who} may have {it.jobs_in_flight} jobs in flight; wait until one ends.", 1.0)
        case "queued":
            return problems.limited(f"{who} may have {it.queued_jobs} jobs queued; wait until one begins.", 1.0)
        case "tokens":
            return _too_many_tokens(who, it.tokens or Level(1, 0.0), limit.tokens)
        case "day":
            left = max(0, (it.tokens_per_day or 0) - (it.spent or 0))
            message = f"{who} may use {it.tokens_per_day} tokens a day (of UTC) and has {left} left"
            return problems.spent(f"{message}; this request may take {limit.tokens}.", at_ms)


def too_much_passed_over(limit: OverQuota) -> Problem:
    """A filter wants nothing of all that a whole budget of reads is enough to look at."""
    level = limit.standing.requests or Level(1, 0.0)
    who = "this key" if limit.whose == "key" else "your tenant"
    message = (
        f"The filter passes over too many: each {LOOKED_AT_ONCE} of them count as a read, and {who} may send"
        f" {level.quota} reads a minute."
    )
    return problems.limited(message, level.full_in_ms / 1000)


def _too_many_tokens(who: str, level: Level, tokens: int) -> Problem:
    message = f"{who} may use {level.quota} tokens a minute and has {level.whole} left; this request may take {tokens}."
    if tokens > level.quota:
        message += " Send less text, or ask for a shorter answer."
        return problems.too_large_for_limit(message, level.full_in_ms / 1000)
    return problems.limited(message, level.has_in_ms(tokens) / 1000)
