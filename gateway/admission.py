"""Who may enter, how often: a key's limits and how it stands, as headers and refusals (conventions §11). Pure."""

import math
from dataclasses import dataclass

from gateway import problems
from gateway.problems import Problem
from producers.events import KeyIssued
from producers.jobs.intake import NotAccepted, OverQuota, Quota, QuotaLeft

WINDOW_S = 60
READS_PER_WRITE = 10
"""How many reads a minute a key may make for each request that writes: who polls keeps its budget for prompts."""

SUBMITS = frozenset({("POST", "/v1/jobs"), ("POST", "/v1/chat/completions")})
"""Counted by the script that accepts their job, in its one round trip."""
_AS_READS = frozenset({("POST", "/v1/jobs/{job_id}/cancel"), ("POST", "/v1/markdown")})
"""Who has spent its budget may still stop what it began; who has text rendered changes nothing."""


@dataclass(frozen=True)
class Budget:
    """A quota of requests a minute: as headers name it, and the bucket in Redis that counts it."""

    name: str
    requests_per_minute: int
    bucket: str
    jobs_in_flight: int


def quota_of(key: KeyIssued) -> Quota:
    """What a key may do."""
    return Quota(key.requests_per_minute, key.jobs_in_flight)


def writes(key: KeyIssued) -> Budget:
    """The budget of requests that write, submits first of all."""
    return Budget("permin", key.requests_per_minute, key.id, key.jobs_in_flight)


def reads(key: KeyIssued) -> Budget:
    """The budget of requests that only read."""
    return Budget("reads", key.requests_per_minute * READS_PER_WRITE, f"{key.id}:reads", key.jobs_in_flight)


def budget_of(key: KeyIssued, method: str, route: str) -> Budget:
    """The budget against which a request counts."""
    return reads(key) if method in {"GET", "HEAD"} or (method, route) in _AS_READS else writes(key)


def limit_headers(budget: Budget, quota_left: QuotaLeft | None) -> dict[str, str]:
    """How the key stands, in OpenAI's headers and the IETF's."""
    if quota_left is None:
        return {}
    left, full_s = quota_left.requests_left, math.ceil(quota_left.requests_full_in_ms / 1000)
    # Retry-After must not point earlier than `t`: with nothing left, that is until there is one again.
    until_s = full_s if left else max(1, math.ceil(quota_left.next_request_in_ms / 1000))
    policy = f'"{budget.name}";q={budget.requests_per_minute};w={WINDOW_S}'
    stands = f'"{budget.name}";r={left};t={until_s}'
    if quota_left.jobs_in_flight is not None:
        policy += f', "jobs";q={budget.jobs_in_flight};qu="concurrent-requests"'
        stands += f', "jobs";r={max(0, budget.jobs_in_flight - quota_left.jobs_in_flight)}'
    return {
        "x-ratelimit-limit-requests": str(budget.requests_per_minute),
        "x-ratelimit-remaining-requests": str(left),
        "x-ratelimit-reset-requests": period(full_s),
        "RateLimit-Policy": policy,
        "RateLimit": stands,
    }


def period(seconds: int) -> str:
    """Seconds as OpenAI writes them: `1s`, `6m0s`, `1h0m0s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


def too_much(limit: OverQuota, budget: Budget) -> Problem:
    """The key's own limit is reached."""
    if limit.by == "requests":
        kind = "reads" if budget.name == "reads" else "requests"
        message = f"This key may send {budget.requests_per_minute} {kind} a minute."
        return problems.limited(message, limit.quota_left.next_request_in_ms / 1000)
    return problems.limited(f"This key may have {budget.jobs_in_flight} jobs in flight; wait until one ends.", 1.0)


def not_entered(refused: NotAccepted) -> Problem:
    """Nothing was done with the prompt; why."""
    match refused.reason:
        case "rebuilding":
            return problems.unavailable("The state is being rebuilt from the log; try again in a moment.")
        case "other_payload":
            return problems.other_payload()
        case "no_conversation":
            return problems.not_found("There is no such conversation.", param="conversation")
        case "not_last":
            message = "replaces must be the job of the conversation's last turn, and that must have left an answer."
            return problems.conflict(message, "not_last_turn")
        case _:
            return problems.unavailable("The conversation moved to another lane just now; try again.")
