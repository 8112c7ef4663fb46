"""Conversations as a resource: create, list, show, rename, delete."""

from aiohttp import web

from gateway.conversations import items
from gateway.conversations.items import find
from gateway.conversations.objects import conversation_object
from gateway.http import requests
from gateway.http.objects import as_json, list_of
from gateway.http.paging import not_in_list, page_asked
from gateway.keys import CALLER, CLOCK, CONVERSATIONS, PUBLISHER, SCRIPTS
from gateway.repeats.making import MAKING
from infra.telemetry import trace
from producers.conversations.store import Conversation
from producers.events import ConversationCreated, ConversationDeleted, ConversationUpdated
from producers.log.topics import CONVERSATIONS as TOPIC
from producers.prompts import bodies, bounds, kinds
from producers.prompts.bodies import Strict
from producers.prompts.items import ItemBody, check_results
from producers.state import view

LONGEST_TITLE = 200


class AskedUpdate(Strict, frozen=True, kw_only=True):
    """The body of an update; what is not given stays as it is."""

    title: str | None = None
    metadata: dict[str, str] | None = None


class AskedConversation(Strict, frozen=True, kw_only=True):
    """The body of a create; it may be empty."""

    title: str | None = None
    metadata: dict[str, str] | None = None
    items: list[ItemBody] | None = None


async def create(request: web.Request) -> web.Response:
    """POST /v1/conversations: open one; the log holds it when this answers."""
    app = request.app
    asked = await _asked(request)
    messages, conversation_id = items.read(asked.items or []), request[MAKING].id("conv")
    check_results(asked.items or [], "items", ())
    if messages:
        await items.must_be_allowed(request, conversation_id, messages)
    event = ConversationCreated(
        conversation=conversation_id,
        tenant=request[CALLER].tenant,
        title=asked.title,
        metadata=bounds.pairs(asked.metadata),
        at_ms=app[CLOCK].now_ms(),
    )
    await app[PUBLISHER].publish(TOPIC, event.conversation, event, trace.child_of(request.headers.get("traceparent")))
    await app[CONVERSATIONS].open(event)
    if messages:
        # Who dies before this leaves an empty conversation that nobody was told of.
        await items.put(request, event.conversation, messages)
    opened = Conversation(event.conversation, event.tenant, event.title, event.metadata, event.at_ms, lane=None)
    return as_json(conversation_object(opened))


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/conversations: the caller's, newest first."""
    asked = page_asked(request.query)
    await view.must_be_whole(request.app[SCRIPTS])
    found = await request.app[CONVERSATIONS].of_tenant(
        request[CALLER].tenant, asked.limit, asked.after, newest_first=asked.newest_first
    )
    if found is None:
        raise not_in_list()
    return as_json(list_of([conversation_object(each) for each in found.conversations], has_more=found.has_more))


async def show(request: web.Request) -> web.Response:
    """GET /v1/conversations/{id}."""
    return as_json(conversation_object(await find(request)))


async def update(request: web.Request) -> web.Response:
    """POST /v1/conversations/{id}: another title, or other metadata in place of all it had."""
    app, found = request.app, await find(request)
    asked = bodies.read(AskedUpdate, await requests.read_body(request))
    bounds.caption("title", asked.title, LONGEST_TITLE)
    event = ConversationUpdated(
        conversation=found.id,
        tenant=found.tenant,
        title=asked.title,
        metadata=None if asked.metadata is None else bounds.pairs(asked.metadata),
        at_ms=app[CLOCK].now_ms(),
    )
    traceparent = trace.child_of(request.headers.get("traceparent"))
    written = await app[PUBLISHER].publish(TOPIC, event.conversation, event, traceparent)
    await app[CONVERSATIONS].update(event, written.offset)
    return as_json(conversation_object(await find(request)))


async def delete(request: web.Request) -> web.Response:
    """DELETE /v1/conversations/{id}: forget it and its history."""
    app, found = request.app, await find(request)
    event = ConversationDeleted(conversation=found.id, tenant=found.tenant, at_ms=app[CLOCK].now_ms())
    await app[PUBLISHER].publish(TOPIC, event.conversation, event, trace.child_of(request.headers.get("traceparent")))
    await app[CONVERSATIONS].forget(event)
    return as_json({"id": found.id, "object": "conversation.deleted", "deleted": True})


async def _asked(request: web.Request) -> AskedConversation:
    if not request.body_exists:
        return AskedConversation()
    asked = kinds.read(AskedConversation, await requests.read_body(request), kinds.IN_ITEMS)
    bounds.caption("title", asked.title, LONGEST_TITLE)
    return asked
