"""What the query of each route may ask, as the document tells it. Pure."""

from collections.abc import Mapping
from typing import Final

from gateway.openapi.operations import OPERATIONS

_JUDGED_BY_HANDLER: Final = ("/v1/reports/", "/v1/dashboard", "/v1/usage")
_FILTERED: Final = frozenset({("GET", "/v1/jobs"), ("GET", "/v1/chat/completions")})
"""Also by any name of their metadata."""


def known() -> Mapping[tuple[str, str], frozenset[str]]:
    """The names by method and route, but for pages and where the handler refuses what it does not know."""
    told = {
        at: frozenset([it.name for it in operation.asks if it.where == "query"] + ["ticket"] * operation.by_ticket)
        for at, operation in OPERATIONS.items()
        if not operation.is_open and at not in _FILTERED and not at[1].startswith(_JUDGED_BY_HANDLER)
    }
    return told | {("HEAD", path): names for (method, path), names in told.items() if method == "GET"}
