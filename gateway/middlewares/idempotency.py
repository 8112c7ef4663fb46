"""`Idempotency-Key` on POSTs that make something (conventions §11): answered once, answered again, at any gateway.

Submits have it from the script that accepts their job, so that the log knows it, too. All others have it from here: the
answer is kept where something was made, and the id of what is made is fixed before, so that a gateway that dies between
making it and telling of it has it made again under the same id.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from gateway.http import headers, problems
from gateway.http.requests import Handler, route_of
from gateway.keys import BACKGROUND, CALLER, CLOCK, ONCE
from gateway.repeats import table
from gateway.repeats.making import MAKING, Making, still_running
from gateway.repeats.table import Repeat
from infra.errors import Unavailable
from infra.ids import new_id
from producers.access.keys import hashed
from producers.events import KeyIssued
from producers.idempotency import naming
from producers.idempotency.once import Answered, Begun, Once, OtherPayload, Running

log = logging.getLogger(__name__)


@web.middleware
async def make_once(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Make what a POST with an Idempotency-Key asks for once, and tell it again to whoever repeats the request.

    Raises:
        Problem: 409 while it is being made, 422 where the key was used for another request.
        Unavailable: Redis does not answer.
    """
    app, caller, repeat = request.app, request.get(CALLER), table.repeat_of(request.method, route_of(request))
    if caller is None or repeat is None:
        return await handler(request)
    found = await _found(request, repeat, caller) if repeat.how == "once" else None
    making = request[MAKING] = Making(app[CLOCK], app[ONCE], found)
    match found:
        case Answered(digest=""):
            return making.tell(found)
        case Begun():
            return await _make(request, handler, making, found)
        case _:
            return await handler(request)


async def _found(request: web.Request, repeat: Repeat, caller: KeyIssued) -> Begun | Answered | None:
    """What its key stands for; None where it bears none."""
    key = headers.idempotency_key(request.headers)
    if key is None:
        return None
    whose = hashed(headers.bearer(request.headers) or "") if repeat.of_one_secret else caller.tenant
    scope, seed = naming.scope(whose, route_of(request), key), new_id("once", request.app[CLOCK])
    match await request.app[ONCE].begin(scope, await _fingerprint(request), seed):
        case Running():
            raise still_running()
        case OtherPayload():
            raise problems.other_payload()
        case Begun() | Answered() as found:
            return found


async def _make(request: web.Request, handler: Handler, making: Making, begun: Begun) -> web.StreamResponse:
    once = request.app[ONCE]
    try:
        async with _told_of(once, begun):
            response = await handler(request)
    except asyncio.CancelledError:
        request.app[BACKGROUND].start("free the Idempotency-Key of a client that hung up", once.broke_off(begun))
        raise
    except Exception as error:
        with suppress(Unavailable):
            await (once.broke_off if problems.of(error).status >= 500 else once.refused)(begun)
        raise
    # What cannot be kept now is made again, under the same id, by whoever asks again.
    with suppress(Unavailable):
        if isinstance(response, web.Response) and isinstance(response.body, bytes) and response.status < 300:
            kept = response.body if making.kept is None else making.kept
            await once.answered(begun, response.status, kept, making.digest)
        else:
            await once.refused(begun)
    return response


@asynccontextmanager
async def _told_of(once: Once, begun: Begun) -> AsyncIterator[None]:
    """As long as this goes on, say so again and again: an upload may take minutes."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(once.silent_ms / 3000)
            try:
                await once.goes_on(begun)
            except Unavailable:
                continue
            except Exception:  # to fall silent would hand what is being made to somebody else
                log.exception("the word that a request under an Idempotency-Key goes on was not taken; again soon")

    telling = asyncio.create_task(tell(), name="a request under an Idempotency-Key")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.wait([telling])


async def _fingerprint(request: web.Request) -> str:
    """What makes it the same request: where it goes and what it says; of a form, its reader tells that (`said`)."""
    is_json = headers.is_json(request.content_type, request.charset)
    return naming.fingerprint(await request.read() if is_json else request.content_type.encode(), request.path)
