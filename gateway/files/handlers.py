"""Files as a resource (conventions §6): upload, list, show, read, delete."""

import logging
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from gateway.access import counts
from gateway.files import uploads
from gateway.files.store import SETTINGS_OF_FILES, STORE, FileStore, NotStored, Opened
from gateway.http.objects import as_json, list_of, seconds
from gateway.http.paging import not_in_list, page_asked
from gateway.http.problems import Problem, bad_value, conflict, not_found
from gateway.keys import CALLER, CLOCK, FILES, PUBLISHER, SCRIPTS
from gateway.readers.patience import Patience
from gateway.repeats.making import MAKING
from infra.errors import Unavailable
from infra.ids import new_id
from infra.telemetry import trace
from producers.events import FileDeleted, FilePurpose, FileStored
from producers.files.store import LONGEST_LIFE_S, SHORTEST_LIFE_S, named
from producers.log.topics import FILES as TOPIC
from producers.state import view

log = logging.getLogger(__name__)

PATIENCE_MS = 3_600_000.0
"""How long an upload may take before what there is of it is taken away."""
MOST_LISTED = 10_000
_A_PAGE = 1_000


async def upload(request: web.Request) -> web.Response:
    """POST /v1/files: store a file; the log holds what is known of it when this answers."""
    app, store, most_bytes = request.app, store_of(request), request.app[SETTINGS_OF_FILES].max_bytes
    making = request[MAKING]
    if (earlier := making.earlier) is not None:
        return making.tell(earlier, (await uploads.receive(request, uploads.pass_over, most_bytes)).digest)
    await view.must_be_whole(app[SCRIPTS])
    file_id, now_ms = named(making.id("file")), app[CLOCK].now_ms()
    # What may be repeated is laid down beside its place until it is known to say what the first one said.
    laid = named(new_id("file", app[CLOCK])) if making.may_be_repeated else file_id
    # Should we die on the way, nobody would know of these bytes: they go unless the file is kept.
    await app[FILES].doom(laid, now_ms + PATIENCE_MS)
    try:
        form = await uploads.receive(request, partial(store.put, laid), most_bytes)
        event = FileStored(
            file_id=file_id,
            tenant=request[CALLER].tenant,
            filename=_filename(form),
            size_bytes=form.size_bytes,
            purpose=_purpose(form),
            expires_ms=now_ms + _life_s(form) * 1000,
            at_ms=now_ms,
        )
        await making.said(form.digest)
        event = msgspec.structs.replace(event, idempotency=making.idempotency)
    except Exception:
        await app[FILES].doom(laid, now_ms)
        raise
    if laid != file_id:
        if stored := await app[FILES].read(file_id):  # whoever stored it died before telling
            await app[FILES].doom(laid, now_ms)
            return as_json(file_object(stored))
        await app[FILES].doom(file_id, now_ms + PATIENCE_MS, unless_known=True)
        await store.move(laid, file_id)
    written = await app[PUBLISHER].publish(TOPIC, file_id, event, trace.child_of(request.headers.get("traceparent")))
    await app[FILES].keep(event, written.offset)
    return as_json(file_object(event))


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/files: the caller's, newest first."""
    asked = page_asked(request.query, MOST_LISTED, default=MOST_LISTED)
    purpose = _purpose_asked(request.query.get("purpose"))
    await view.must_be_whole(request.app[SCRIPTS])
    found = await request.app[FILES].of_tenant(
        request[CALLER].tenant,
        min(asked.limit, _A_PAGE),
        asked.after,
        newest_first=asked.newest_first,
        purpose=purpose,
        go_on=counts.going_on(request),
    )
    if found is None:
        raise not_in_list()
    return as_json(list_of([file_object(each) for each in found.files], has_more=found.has_more))


async def show(request: web.Request) -> web.Response:
    """GET /v1/files/{id}."""
    return as_json(file_object(await find(request, request.match_info["file_id"])))


async def content(request: web.Request) -> web.StreamResponse:
    """GET /v1/files/{id}/content: its bytes."""
    found = await find(request, request.match_info["file_id"])
    try:
        stored = await store_of(request).open(found.file_id)
        # The first piece before the head: after that, an error could only be told by hanging up.
        first = await anext(stored.pieces, b"")
    except NotStored:
        raise unknown(found.file_id) from None
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.content_length = stored.size_bytes
    await response.prepare(request)
    await _send(Patience(request, response), first, stored)
    return response


async def _send(reader: Patience, first: bytes, stored: Opened) -> None:
    """Send all of a file; where the store breaks off, hang up: a client must not take a part for the whole."""
    sent = len(first)
    await reader.write(first)
    try:
        async for each in stored.pieces:
            sent += len(each)
            await reader.write(each)
    except (Unavailable, NotStored) as error:
        log.warning("a file broke off: %s", error)
    if sent != stored.size_bytes:
        raise ConnectionResetError("the store holds less of the file than was promised")
    await reader.end()


async def delete(request: web.Request) -> web.Response:
    """DELETE /v1/files/{id}: forget it, unless a batch reads it; its bytes go within seconds."""
    app, found = request.app, await find(request, request.match_info["file_id"])
    await view.must_be_whole(app[SCRIPTS])
    if batch_id := await app[FILES].withdraw(found.file_id):
        raise conflict(
            f"The batch {batch_id} reads this file: wait for its end, or cancel it, and delete the file then.",
            "file_in_use",
        )
    event = FileDeleted(file_id=found.file_id, tenant=found.tenant, at_ms=app[CLOCK].now_ms())
    await app[PUBLISHER].publish(TOPIC, found.file_id, event, trace.child_of(request.headers.get("traceparent")))
    await app[FILES].forget(event)
    return as_json({"id": found.file_id, "object": "file", "deleted": True})


async def find(request: web.Request, file_id: str) -> FileStored:
    """The file of that id, if it is the caller's.

    Raises:
        Problem: 404 where there is none.
        Unavailable: Redis does not answer, or we cannot know yet.
    """
    found = await request.app[FILES].read(file_id)
    if found is None:
        await view.must_be_whole(request.app[SCRIPTS])
    if found is None or found.tenant != request[CALLER].tenant:
        raise unknown(file_id)
    return found


def unknown(file_id: str, param: str | None = None) -> Problem:
    """There is no such file, or it is somebody else's."""
    return not_found(f"There is no file {file_id[:100]!r}.", param=param)


def store_of(request: web.Request) -> FileStore:
    """The store.

    Raises:
        Problem: 503, none is set up here.
    """
    store = request.app[STORE]
    if not store.is_given:
        message = (
            "No files are served here: no store for them is set up (HEADRACE_FILES__DIR or HEADRACE_FILES__BUCKET)."
        )
        raise Problem(503, message, type="server_error", code="no_file_store", headers={"x-should-retry": "false"})
    return store


def file_object(file: FileStored) -> dict[str, Any]:
    """A file as OpenAI writes it."""
    return {
        "id": file.file_id,
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": seconds(file.at_ms),
        "expires_at": seconds(file.expires_ms),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
    }


def _filename(form: uploads.Form) -> str:
    if form.filename is None:
        raise bad_value("The form holds no file.", "file")
    return form.filename


def _purpose(form: uploads.Form) -> FilePurpose:
    if form.fields.get("purpose") != "batch":
        raise bad_value("purpose must be batch.", "purpose")
    return "batch"


def _purpose_asked(given: str | None) -> FilePurpose | None:
    match given:
        case None | "batch" | "batch_output":
            return given
        case _:
            raise bad_value("purpose must be batch or batch_output.", "purpose")


def _life_s(form: uploads.Form) -> int:
    anchor, given = form.fields.get("expires_after[anchor]"), form.fields.get("expires_after[seconds]")
    if anchor is None and given is None:
        return LONGEST_LIFE_S
    return life_s("expires_after", anchor, int(given) if given and given.isascii() and given.isdigit() else None)


def life_s(name: str, anchor: str | None, given_s: int | None) -> int:
    """How long a file is to live.

    Raises:
        Problem: 400 with the parameter.
    """
    if anchor != "created_at":
        raise bad_value(f"{name}.anchor must be created_at.", f"{name}.anchor")
    if given_s is None or not SHORTEST_LIFE_S <= given_s <= LONGEST_LIFE_S:
        message = f"{name}.seconds must be from {SHORTEST_LIFE_S} to {LONGEST_LIFE_S}."
        raise bad_value(message, f"{name}.seconds")
    return given_s
