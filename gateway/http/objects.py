"""What all objects share as OpenAI writes them: their times, lists of them, and how they are answered. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web


def seconds(ms: float | None) -> int | None:
    """Whole seconds since the epoch."""
    return None if ms is None else int(ms // 1000)


def list_of(data: Sequence[Mapping[str, Any]], *, has_more: bool, last: str | None = None) -> dict[str, Any]:
    """A page as OpenAI writes it; `last` is where the next one begins, if that is not its last."""
    first, last = (data[0]["id"], last or data[-1]["id"]) if data else (None, last)
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more}


def as_json(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A whole response that says this."""
    body = msgspec.json.encode(content)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
