"""Stored chat completions: listed, their messages read, their metadata changed, deleted.

Each is read, changed and deleted under its id, for as long as its job is kept; `store: true` puts it on the list.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.access import counts
from gateway.chat.later import find, stored_object
from gateway.http import requests
from gateway.http.objects import as_json, list_of
from gateway.http.paging import not_in_list, page, page_asked
from gateway.http.problems import bad_value, conflict
from gateway.jobs import forgetting
from gateway.jobs.listing import METADATA, PAGING
from gateway.jobs.objects import completion_id, job_of, tool_call
from gateway.keys import CALLER, CLOCK, PUBLISHER, RETENTION, SCRIPTS
from infra.telemetry import trace
from producers.events import CompletionUpdated, Message
from producers.jobs import listing, record
from producers.jobs.listing import Wanted
from producers.jobs.record import JobRecord
from producers.log.topics import CONVERSATIONS
from producers.prompts import bodies, bounds
from producers.prompts.bodies import Strict
from producers.state import view


class AskedMetadata(Strict, frozen=True, kw_only=True):
    """The body of an update: other metadata in place of all there was; null is none."""

    metadata: dict[str, str] | None


async def list_completions(request: web.Request) -> web.Response:
    """GET /v1/chat/completions: the tenant's that were asked for with `store: true`, oldest first as OpenAI has them.

    Raises:
        Problem: 400 with the parameter; 429 where the filter passes over more than the key may read.
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    scripts, asked = request.app[SCRIPTS], page_asked(request.query, order="asc")
    wanted = wanted_of(request.query, request[CALLER].tenant)
    after = asked.after and job_of(asked.after)
    if after == "":
        raise not_in_list()
    await view.must_be_whole(scripts)
    found = await listing.jobs_of(
        scripts, wanted, asked.limit, after, newest_first=asked.newest_first, go_on=counts.going_on(request)
    )
    if found is None:
        raise not_in_list()
    last = None if found.last is None else completion_id(found.last)
    return as_json(list_of([stored_object(each) for each in found.jobs], has_more=found.has_more, last=last))


def wanted_of(query: Mapping[str, str], tenant: str) -> Wanted:
    """Which of the tenant's a query string asks for; what it does not know is refused. Pure.

    Raises:
        Problem: 400 with the parameter.
    """
    metadata = dict[str, str]()
    for name, value in query.items():
        if (pair := METADATA.fullmatch(name)) is not None:
            metadata[pair[1]] = value
        elif name not in PAGING | {"model"}:
            raise bad_value(f"Chat completions cannot be filtered by {name[:100]}.", name[:100])
    return Wanted(tenant, "completed", model=query.get("model", ""), metadata=metadata, stored=True)


async def list_messages(request: web.Request) -> web.Response:
    """GET /v1/chat/completions/{id}/messages: what was sent to be answered, in its order.

    Raises:
        Problem: there is no such chat completion; 400 with the parameter.
        Unavailable: Redis does not answer.
    """
    asked, job = page_asked(request.query, order="asc"), await find(request)
    told = [message_object(job.job_id, at, each) for at, each in enumerate(job.prompt.messages)]
    by_id = {each["id"]: each for each in (told[::-1] if asked.newest_first else told)}
    ids, has_more = page(list(by_id), asked)
    return as_json(list_of([by_id[each] for each in ids], has_more=has_more))


def message_object(job_id: str, at: int, message: Message) -> dict[str, Any]:
    """A message of a prompt as OpenAI tells those of a stored completion. Pure."""
    calls = {"tool_calls": [tool_call(each) for each in message.tool_calls]} if message.tool_calls else {}
    result = {"tool_call_id": message.tool_call_id} if message.tool_call_id else {}
    return {
        "id": f"{completion_id(job_id)}-{at}",
        "role": message.role,
        "content": message.content or (None if message.tool_calls else ""),
        "name": message.name,
        "content_parts": None,
        **calls,
        **result,
    }


async def update_completion(request: web.Request) -> web.Response:
    """POST /v1/chat/completions/{id}: other metadata in place of all it had.

    Raises:
        Problem: there is none, it is still being made (409), or it has no answer.
        Unavailable: the log or Redis does not answer.
    """
    app, job = request.app, await _ended(request)
    stored_object(job)
    asked = bodies.read(AskedMetadata, await requests.read_body(request))
    event = CompletionUpdated(
        job_id=job.job_id,
        tenant=job.prompt.tenant,
        metadata=bounds.pairs(asked.metadata),
        at_ms=app[CLOCK].now_ms(),
    )
    traceparent = trace.child_of(request.headers.get("traceparent"))
    written = await app[PUBLISHER].publish(CONVERSATIONS, job.job_id, event, traceparent)
    await record.update(app[SCRIPTS], event, written.offset, app[RETENTION])
    return as_json(stored_object(await find(request)))


async def delete_completion(request: web.Request) -> web.Response:
    """DELETE /v1/chat/completions/{id}: forget it.

    Raises:
        Problem: there is none, or it is still being made (409).
        Unavailable: the log or Redis does not answer.
    """
    job = await _ended(request)
    await forgetting.forget(request, job)
    return as_json({"id": completion_id(job.job_id), "object": "chat.completion.deleted", "deleted": True})


async def _ended(request: web.Request) -> JobRecord:
    job = await find(request)
    if not job.ended:
        raise conflict("The answer is still being made: cancel its job, or wait for it.", "still_running")
    return job
