"""POST /v1/tickets: what a browser puts into the URL of a stream in place of a key.

Under an Idempotency-Key a ticket follows from that and from the API key, which we do not keep: so whoever repeats the
request is told the same ticket, and nothing that is stored tells it.
"""

import base64
import hmac
import secrets
from typing import Final

import msgspec
from aiohttp import web

from gateway.access import tickets
from gateway.http import headers, requests
from gateway.http.objects import as_json
from gateway.http.problems import bad_value
from gateway.keys import CALLER, CLOCK, SCRIPTS
from gateway.repeats.making import MAKING
from producers.prompts import bodies
from producers.prompts.bodies import Strict

PREFIX: Final = "tk-"
LONGEST_PATH: Final = 512


class AskedTicket(Strict, frozen=True, kw_only=True):
    """The body of a request for a ticket: the path that it is to open."""

    path: str


class _Told(msgspec.Struct, frozen=True):
    """What an Idempotency-Key keeps of the answer: all that a ticket follows from and its request does not say."""

    expires_at: int


async def issue(request: web.Request) -> web.Response:
    """A ticket for one GET of one path; who is told it again has no second one.

    Raises:
        Problem: 400 with `path`.
        Unavailable: Redis does not answer.
    """
    app, asked = request.app, bodies.read(AskedTicket, await requests.read_body(request))
    if len(asked.path) > LONGEST_PATH or not tickets.is_opened(asked.path):
        known = ", ".join(sorted(tickets.STREAMS))
        raise bad_value(f"path must be that of an event stream or an export, without a query: {known}.", "path")
    making = request[MAKING]
    if making.earlier is not None:
        told = msgspec.json.decode(making.earlier.body, type=_Told)
        making.is_told_again = True
        return _shown(asked.path, _ticket(request, asked.path, told), told)
    told = _Told(int(app[CLOCK].now_ms() / 1000) + tickets.TTL_S)
    ticket = _ticket(request, asked.path, told)
    await tickets.keep(app[SCRIPTS], ticket, request[CALLER].id, asked.path)
    making.note(msgspec.json.encode(told))
    return _shown(asked.path, ticket, told)


def _ticket(request: web.Request, path: str, told: _Told) -> str:
    """Anybody's guess without an Idempotency-Key; under one the same for the same API key, path and time."""
    key = headers.idempotency_key(request.headers)
    if key is None:
        return _written(secrets.token_bytes(32))
    secret = headers.bearer(request.headers) or ""
    return _written(hmac.digest(secret.encode(), f"ticket\n{key}\n{path}\n{told.expires_at}".encode(), "sha256"))


def _written(ticket: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(ticket).rstrip(b"=").decode()


def _shown(path: str, ticket: str, told: _Told) -> web.Response:
    shown = {"object": "ticket", "ticket": ticket, "path": path, "expires_at": told.expires_at}
    return as_json(shown, headers={"Cache-Control": "no-store"})
