"""Batches as a resource (conventions §6): submit, list, show, cancel."""

from typing import Any

from aiohttp import web

from gateway.batches.asking import EMBEDDINGS, ENDPOINTS
from gateway.embeddings.server import EMBEDDING_SERVER
from gateway.files import handlers as files
from gateway.http import requests
from gateway.http.objects import as_json, list_of, seconds
from gateway.http.paging import not_in_list, page_asked
from gateway.http.problems import bad_value, conflict, no_embeddings, not_found
from gateway.keys import BATCHES, CALLER, CLOCK, FILES, PUBLISHER, SCRIPTS, WEBHOOKS
from gateway.repeats.making import MAKING
from infra.telemetry import trace
from producers.batches.store import Batch
from producers.events import BatchCancelRequested, BatchSubmitted, LineError, Usage, Webhook
from producers.log.topics import BATCHES as TOPIC
from producers.prompts import bodies, bounds
from producers.prompts.bodies import Strict, WebhookBody
from producers.state import view

WINDOW = "24h"
WINDOW_S = 24 * 3600


class ExpiresAfter(Strict, frozen=True, kw_only=True):
    """How long the output is kept."""

    anchor: str
    seconds: int


class AskedBatch(Strict, frozen=True, kw_only=True):
    """The body of a submit."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_expires_after: ExpiresAfter | None = None
    webhook: WebhookBody | None = None


async def submit(request: web.Request) -> web.Response:
    """POST /v1/batches: have every line of a file answered; the log holds the batch when this answers."""
    app, caller = request.app, request[CALLER]
    files.store_of(request)
    asked = bodies.read(AskedBatch, await requests.read_body(request))
    _check(asked)
    await view.must_be_whole(app[SCRIPTS])
    making = request[MAKING]
    batch_id = making.id("batch")
    if making.may_be_repeated and (known := await app[BATCHES].read(batch_id)):
        making.is_told_again = True  # its answer was lost, or never told
        return as_json(batch_object(known))
    if asked.endpoint == EMBEDDINGS and not app[EMBEDDING_SERVER].models:
        raise no_embeddings()
    found = await app[FILES].read(asked.input_file_id)
    if found is None or found.tenant != caller.tenant:
        raise files.unknown(asked.input_file_id, "input_file_id")
    if found.purpose != "batch":
        raise bad_value("input_file_id: this file was not uploaded with purpose batch.", "input_file_id")
    now_ms, expiry = app[CLOCK].now_ms(), asked.output_expires_after
    event = BatchSubmitted(
        batch_id=batch_id,
        tenant=caller.tenant,
        key_id=caller.id,
        endpoint=asked.endpoint,
        input_file_id=asked.input_file_id,
        expires_ms=now_ms + WINDOW_S * 1000,
        metadata=bounds.pairs(asked.metadata),
        output_ttl_s=None if expiry is None else files.life_s("output_expires_after", expiry.anchor, expiry.seconds),
        webhook=None if asked.webhook is None else Webhook(bounds.webhook_url(asked.webhook.url, app[WEBHOOKS])),
        idempotency=making.idempotency,
        at_ms=now_ms,
    )
    if not await app[FILES].lend(event.input_file_id, event.batch_id):
        raise files.unknown(asked.input_file_id, "input_file_id")
    written = await app[PUBLISHER].publish(
        TOPIC, event.batch_id, event, trace.child_of(request.headers.get("traceparent"))
    )
    await app[BATCHES].note(event, written.offset)
    return as_json(batch_object(Batch(event)))


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/batches: the caller's, newest first."""
    asked = page_asked(request.query)
    await view.must_be_whole(request.app[SCRIPTS])
    found = await request.app[BATCHES].of_tenant(
        request[CALLER].tenant, asked.limit, asked.after, newest_first=asked.newest_first
    )
    if found is None:
        raise not_in_list()
    return as_json(list_of([batch_object(each) for each in found.batches], has_more=found.has_more))


async def show(request: web.Request) -> web.Response:
    """GET /v1/batches/{id}."""
    return as_json(batch_object(await _find(request)))


async def cancel(request: web.Request) -> web.Response:
    """POST /v1/batches/{id}/cancel: no more of it is wanted; what was answered is kept. Twice is once."""
    app, found = request.app, await _find(request)
    await request.read()  # it says nothing, and is no longer than any other may be
    if found.status in ("cancelling", "cancelled"):
        return as_json(batch_object(found))
    if found.status not in ("validating", "in_progress"):
        raise conflict(f"A batch that is {found.status} cannot be cancelled.", "batch_not_cancellable")
    event = BatchCancelRequested(batch_id=found.id, tenant=found.submitted.tenant, at_ms=app[CLOCK].now_ms())
    written = await app[PUBLISHER].publish(TOPIC, found.id, event, trace.child_of(request.headers.get("traceparent")))
    await app[BATCHES].note(event, written.offset)
    return as_json(batch_object(await _find(request)))


def batch_object(batch: Batch) -> dict[str, Any]:
    """A batch as OpenAI writes it."""
    asked, validated, ended, progress = batch.submitted, batch.validated, batch.ended, batch.progress
    at = {ended.status: seconds(ended.at_ms)} if ended else {}
    counts = {
        "total": validated.lines if validated else 0,
        "completed": ended.completed if ended else progress.completed + progress.beyond_completed,
        "failed": ended.failed if ended else progress.failed + progress.beyond_failed,
    }
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": asked.endpoint,
        "model": validated.model if validated else None,
        "errors": _errors(ended.errors) if ended and ended.errors else None,
        "input_file_id": asked.input_file_id,
        "completion_window": WINDOW,
        "status": batch.status,
        "output_file_id": ended.output_file_id if ended else None,
        "error_file_id": ended.error_file_id if ended else None,
        "created_at": seconds(asked.at_ms),
        "in_progress_at": seconds(validated.at_ms) if validated else None,
        "expires_at": seconds(asked.expires_ms),
        "finalizing_at": seconds(batch.finalizing.at_ms) if batch.finalizing else None,
        "completed_at": at.get("completed"),
        "failed_at": at.get("failed"),
        "expired_at": at.get("expired"),
        "cancelling_at": seconds(batch.cancelling.at_ms) if batch.cancelling else None,
        "cancelled_at": at.get("cancelled"),
        "request_counts": counts,
        "usage": _usage(ended.usage) if ended and ended.usage else None,
        "metadata": asked.metadata or None,
    }


def _errors(errors: tuple[LineError, ...]) -> dict[str, Any]:
    data = [{"code": it.code, "message": it.message, "param": it.param, "line": it.line} for it in errors]
    return {"object": "list", "data": data}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total_tokens,
    }


def _check(asked: AskedBatch) -> None:
    if asked.endpoint not in ENDPOINTS:
        raise bad_value(f"endpoint must be one of {', '.join(sorted(ENDPOINTS))}.", "endpoint")
    if asked.completion_window != WINDOW:
        raise bad_value(f"completion_window must be {WINDOW}.", "completion_window")


async def _find(request: web.Request) -> Batch:
    batch_id = request.match_info["batch_id"]
    found = await request.app[BATCHES].read(batch_id)
    if found is None:
        await view.must_be_whole(request.app[SCRIPTS])
    if found is None or found.submitted.tenant != request[CALLER].tenant:
        raise not_found(f"There is no batch {batch_id[:100]!r}.")
    return found
