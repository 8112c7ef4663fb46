"""POST /v1/embeddings: texts as vectors. Nothing of them is kept; that they were made is told in the log."""

from collections.abc import Awaitable
from typing import Final

import msgspec
from aiohttp import web

from gateway.access import admission, limits
from gateway.embeddings import asking
from gateway.embeddings.asking import TextsAsked
from gateway.embeddings.embedding import EMBEDDINGS, Call, Paid, Payer
from gateway.embeddings.server import Embedded
from gateway.http import requests
from gateway.http.problems import no_model
from gateway.keys import CALLER, CLOCK, LIMITS, REGISTRY
from gateway.repeats.making import MAKING
from infra.ids import made_ms
from infra.telemetry import trace
from producers.jobs.intake import OverQuota

MOST_KEPT_BYTES: Final = 64 * 1024
"""Of an answer under an Idempotency-Key; a larger one is made again for who repeats the request, and charged once."""


async def embed(request: web.Request) -> web.Response:
    """The vector of each text, as numbers or as base64 of little-endian float32."""
    app, caller, making = request.app, request[CALLER], request[MAKING]
    asked = asking.read(await requests.read_body(request))
    if asked.model not in app[EMBEDDINGS].models or not admission.may_use(caller, asked.model):
        raise no_model(asked.model)
    payer = Payer(caller, app[REGISTRY].registry.limits_of(caller.tenant))
    if (earlier := making.earlier) is not None:
        found = await _paid(request, app[EMBEDDINGS].again(asked, payer, int(earlier.body or 0)))
        making.is_told_again = True
        return web.Response(body=_content(asked, found), content_type="application/json")
    call_id = making.id("emb")
    call = Call(call_id, made_ms(call_id), trace.child_of(request.headers.get("traceparent")))
    found = await _paid(request, app[EMBEDDINGS].embed(asked, payer, call))
    content = _content(asked, found)
    if len(content) > MOST_KEPT_BYTES:
        making.note(b"%d" % found.tokens)
    return web.Response(body=content, content_type="application/json")


async def _paid(request: web.Request, asking: Awaitable[Paid | OverQuota]) -> Embedded:
    paid = await asking
    request[LIMITS] = {**request.get(LIMITS, {}), **limits.headers(limits.WRITES, paid.stands)}
    if isinstance(paid, OverQuota):
        raise limits.too_much(paid, limits.WRITES, request.app[CLOCK].now_ms())
    return paid.found


def _content(asked: TextsAsked, found: Embedded) -> bytes:
    return msgspec.json.encode(asking.answer(asked, found))
