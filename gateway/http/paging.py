"""Lists in pages, as OpenAI cuts them: `after`, `limit`, `order`. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.http.problems import Problem, bad_value

DEFAULT_LIMIT, MOST = 20, 100


@dataclass(frozen=True)
class PageAsked:
    """Which page of a list is wanted."""

    after: str | None
    limit: int
    newest_first: bool


def page_asked(
    query: Mapping[str, str], most: int = MOST, order: str = "desc", default: int = DEFAULT_LIMIT
) -> PageAsked:
    """Which page a query string asks for: in that order and of that length, unless it names others.

    Raises:
        Problem: 400 with the parameter.
    """
    limit, order = query.get("limit", str(default)), query.get("order", order)
    if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= most):
        raise bad_value(f"limit must be from 1 to {most}.", "limit")
    if order not in {"asc", "desc"}:
        raise bad_value("order must be asc or desc.", "order")
    return PageAsked(query.get("after"), int(limit), order == "desc")


def page(ids: Sequence[str], asked: PageAsked) -> tuple[Sequence[str], bool]:
    """That page of the ids in the order asked for, and whether more follow.

    Raises:
        Problem: 400: `after` is none of them.
    """
    start = 0
    if asked.after is not None:
        if asked.after not in ids:
            raise not_in_list()
        start = ids.index(asked.after) + 1
    return ids[start : start + asked.limit], len(ids) > start + asked.limit


def not_in_list() -> Problem:
    """`after` is nothing that the list holds or held."""
    return bad_value("after is not in this list.", "after")
