"""Tickets: what a browser puts into the URL of a stream in place of a key, which must be in none.

A ticket is good for one GET of one path, within a minute, as the key that asked for it. Redis holds its hash alone.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from gateway.http.problems import Problem, wrong_key
from gateway.keys import REGISTRY, SCRIPTS
from producers.access.keys import KEY_PREFIX, SHOWN_CHARACTERS
from producers.events import KeyIssued
from producers.state.scripts import Scripts, asked

TTL_S: Final = 60
STREAMS: Final = frozenset(
    {
        "/v1/jobs/{job_id}/events",
        "/v1/chat/completions/{completion_id}",
        "/v1/responses/{response_id}",
        "/v1/conversations/{conversation_id}/export",
    }
)
"""What a browser opens without a chance to set a header: event streams and downloads."""
OPENED: Final = "|".join(re.sub(r"\{\w+\}", "[A-Za-z0-9_-]+", each) for each in sorted(STREAMS))
"""Their paths, as a pattern."""
KEY_NAMES: Final = frozenset(
    {"api_key", "api-key", "apikey", "access_token", "auth_token", "token", "authorization", "bearer", "x-api-key"}
)
"""Query parameters in which other services take a key."""


class _Kept(msgspec.Struct, frozen=True):
    key_id: str
    path: str


async def keep(scripts: Scripts, ticket: str, key_id: str, path: str) -> None:
    """Let a ticket open a path once, within its time, as this key.

    Raises:
        Unavailable: Redis does not answer.
    """
    await asked(scripts.redis.set(_name(scripts, ticket), msgspec.json.encode(_Kept(key_id, path)), ex=TTL_S))


def is_opened(path: str) -> bool:
    """Whether a ticket could open what is there. Pure."""
    return re.fullmatch(OPENED, path) is not None


async def redeem(request: web.Request, route: str) -> KeyIssued | None:
    """The key in whose name a request's ticket lets it in; None where the ticket is no good. It is spent by this.

    Raises:
        Problem: 401, tickets are for other routes.
        Unavailable: Redis does not answer.
    """
    if request.method != "GET" or route not in STREAMS:
        raise wrong_key("A ticket opens streams and exports only: send Authorization: Bearer <key>.")
    scripts = request.app[SCRIPTS]
    found = await asked(scripts.redis.getdel(_name(scripts, request.query["ticket"])))
    if found is None:
        return None
    kept = msgspec.json.decode(found, type=_Kept)
    return request.app[REGISTRY].registry.by_id(kept.key_id) if kept.path == request.path else None


def must_bear_no_key(query: Mapping[str, str]) -> None:
    """Refuse a key in a URL, whatever else the request bears: it stands in logs on its way by now.

    Raises:
        Problem: 400.
    """
    if any(name.lower() in KEY_NAMES or _tells_a_key(value) for name, value in query.items()):
        message = (
            "An API key must not be in a URL, where every log on the way keeps it: revoke it, and send"
            " Authorization: Bearer <key>. For a browser's stream ask for a ticket: POST /v1/tickets."
        )
        raise Problem(400, message, code="key_in_url")


def _tells_a_key(value: str) -> bool:
    """Whether it is more of a key than everybody may see: administrators look keys up by how they begin."""
    return value.startswith(KEY_PREFIX) and len(value) > SHOWN_CHARACTERS


def _name(scripts: Scripts, ticket: str) -> str:
    return f"{scripts.prefix}ticket:{hashlib.sha256(ticket.encode(errors='surrogateescape')).hexdigest()}"
