"""Who may enter: a key's scopes and models, and what is said of a prompt that was not let in. Pure."""

import functools

from gateway.http import problems
from gateway.http.problems import Problem
from producers.events import KeyIssued
from producers.jobs.intake import NotAccepted

_MOST_ROUTES = 512
"""Clients make up methods, too."""
_CHANGE_NOTHING = frozenset({"/v1/markdown", "/v1/tickets"})
"""Asked by POST, for what a key may read anyway."""


def must_have_scope(key: KeyIssued, method: str, route: str) -> None:
    """Refuse what the key was not made for.

    Raises:
        Problem: 403.
    """
    wanted = scopes_for(method, route)
    if wanted and not wanted.intersection(key.scopes):
        raise problems.forbidden(f"This key may not do that: it needs the scope {' or '.join(sorted(wanted))}.")


@functools.lru_cache(_MOST_ROUTES)
def scopes_for(method: str, route: str) -> frozenset[str]:
    """The scopes of which one is asked for; none for what every key may know."""
    if route.startswith("/v1/admin/"):
        return frozenset({"admin"})
    if route.startswith("/v1/models"):
        return frozenset()
    if route == "/v1/tickets":
        return frozenset({"jobs", "read"})
    if route == "/v1/usage":
        return frozenset({"read", "admin"})
    if route in _CHANGE_NOTHING:
        return frozenset({"read", "jobs"})
    return frozenset({"read" if method in {"GET", "HEAD"} else "jobs"})


def may_use(key: KeyIssued, model: str) -> bool:
    """Whether the key may ask this model."""
    return not key.models or model in key.models


def must_be_allowed(key: KeyIssued, model: str) -> None:
    """Refuse a model that the key may not use as if there were none.

    Raises:
        Problem: 404.
    """
    if not may_use(key, model):
        raise problems.no_model(model)


def not_entered(refused: NotAccepted) -> Problem:
    """Nothing was done with the prompt; why."""
    match refused.reason:
        case "rebuilding":
            return problems.unavailable("The state is being rebuilt from the log; try again in a moment.")
        case "other_payload":
            return problems.other_payload()
        case "no_conversation":
            return problems.not_found("There is no such conversation.", param="conversation")
        case "not_cached":
            message = "The cache holds no answer to this prompt, and cache: only forbids to ask the model."
            return problems.not_found(message, param="cache", code="cache_miss")
        case "full":
            return problems.conversation_full()
        case "not_last":
            message = "replaces must be the job of the conversation's last turn, and that must have left an answer."
            return problems.conflict(message, "not_last_turn")
        case "overloaded":
            return problems.overloaded(refused.wait_s)
        case "too_late":
            return problems.deadline_too_close(refused.wait_s)
        case _:
            return problems.unavailable("The conversation moved to another lane just now; try again.")
