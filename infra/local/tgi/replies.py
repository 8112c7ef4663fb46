"""Plain replies: JSON, nothing at all, refusals of both families."""

from typing import Any

import msgspec
from aiohttp import web

from infra.local.tgi.errors import Malformed, TgiRefusal

_encode = msgspec.json.Encoder().encode


def json_reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON body; TGI names no charset."""
    return web.Response(
        body=_encode(body), status=status, headers={"content-type": "application/json", **(headers or {})}
    )


def empty(status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """No body, no content type."""
    return web.Response(status=status, headers=headers)


def refused(refusal: TgiRefusal) -> web.Response:
    """TGI's own refusal."""
    return json_reply(refusal.body(), refusal.status)


def malformed(refusal: Malformed) -> web.Response:
    """The framework's refusal."""
    return web.Response(
        body=str(refusal).encode(), status=refusal.status, headers={"content-type": "text/plain; charset=utf-8"}
    )
