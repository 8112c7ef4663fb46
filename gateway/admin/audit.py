"""GET /v1/admin/audit: who administered what, when, and from where, straight from the log."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from gateway.admin.acting import listed
from gateway.http.objects import seconds
from gateway.http.paging import not_in_list, page_asked
from gateway.keys import LOG
from producers.administration import audit
from producers.administration.audit import AuditAsked, Recorded

_PREFIX = "act_"


async def list_acts(request: web.Request) -> web.Response:
    """A page of the record; `of` names a key or a tenant, by whom or upon whom the acts were."""
    asked = page_asked(request.query)
    wanted = AuditAsked(_offset(asked.after), asked.limit, asked.newest_first, request.query.get("of"))
    found = await asyncio.to_thread(audit.read, request.app[LOG], wanted)
    return listed([act_object(each) for each in found.acts], has_more=found.has_more)


def act_object(recorded: Recorded) -> dict[str, Any]:
    """An act as administrators see it."""
    act = recorded.act
    return {
        "id": f"{_PREFIX}{recorded.offset}",
        "object": "audit.act",
        "act": act.act,
        "target": act.target,
        "tenant": act.tenant,
        "actor": act.actor,
        "via": act.via,
        "origin": act.origin,
        "request_id": act.request_id,
        "changes": msgspec.to_builtins(act.changes),
        "created_at": seconds(act.at_ms),
    }


def _offset(after: str | None) -> int | None:
    if after is None:
        return None
    number = after.removeprefix(_PREFIX)
    if not (after.startswith(_PREFIX) and number.isascii() and number.isdigit() and len(number) < 19):
        raise not_in_list()
    return int(number)
