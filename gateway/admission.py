"""Who may enter, how often: a key's limits and how it stands, as headers and refusals (conventions §11). Pure."""

import math

from gateway import problems
from gateway.problems import Problem
from producers.events import KeyIssued
from producers.jobs.intake import Limited, Quota, Refused, Standing

WINDOW_S = 60


def quota_of(key: KeyIssued) -> Quota:
    """What a key may do."""
    return Quota(key.requests_per_minute, key.jobs_in_flight)


def limit_headers(quota: Quota, standing: Standing | None) -> dict[str, str]:
    """How the key stands, in OpenAI's headers and the IETF's."""
    if standing is None:
        return {}
    reset_s = math.ceil(standing.requests_full_in_ms / 1000)
    jobs_left = max(0, quota.jobs_in_flight - standing.jobs_in_flight)
    return {
        "x-ratelimit-limit-requests": str(quota.requests_per_minute),
        "x-ratelimit-remaining-requests": str(standing.requests_left),
        "x-ratelimit-reset-requests": period(reset_s),
        "RateLimit-Policy": f'"permin";q={quota.requests_per_minute};w={WINDOW_S}, '
        f'"jobs";q={quota.jobs_in_flight};qu="concurrent-requests"',
        "RateLimit": f'"permin";r={standing.requests_left};t={reset_s}, "jobs";r={jobs_left}',
    }


def period(seconds: int) -> str:
    """Seconds as OpenAI writes them: `1s`, `6m0s`, `1h0m0s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


def too_much(limit: Limited, quota: Quota) -> Problem:
    """The key's own limit is reached."""
    headers = limit_headers(quota, limit.standing)
    if limit.by == "requests":
        message = f"This key may send {quota.requests_per_minute} requests a minute."
        return problems.limited(message, limit.standing.next_request_in_ms / 1000, headers)
    message = f"This key may have {quota.jobs_in_flight} jobs in flight; wait until one ends."
    return problems.limited(message, 1.0, headers)


def not_entered(refused: Refused, quota: Quota) -> Problem:
    """Nothing was done with the prompt; why."""
    match refused.reason:
        case "rebuilding":
            return rebuilding()
        case "other_payload":
            problem = problems.other_payload()
        case "no_conversation":
            problem = problems.not_found("There is no such conversation.", param="conversation")
        case _:
            problem = problems.unavailable("The conversation moved to another lane just now; try again.")
    problem.headers |= limit_headers(quota, refused.standing)
    return problem


def rebuilding() -> Problem:
    """The state view is behind the log, so we do not know what we should."""
    return problems.unavailable("The state is being rebuilt from the log; try again in a moment.")
