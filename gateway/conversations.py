"""Conversations as a resource: create, list, show, delete, and the messages they hold."""

from typing import Any

import msgspec
from aiohttp import web

from gateway import entrance
from gateway.feedback import feedback_object
from gateway.job_object import seconds, usage_object
from gateway.keys import CALLER, CLOCK, CONVERSATIONS, FEEDBACK, PUBLISHER, SCRIPTS
from gateway.paging import not_in_list, page, page_asked
from gateway.problems import bad_value, not_found
from infra.ids import derived_id, new_id
from infra.telemetry import trace
from producers.conversations import Conversation
from producers.events import ConversationCreated, ConversationDeleted, ConversationUpdated
from producers.jobs import view
from producers.jobs.turns import Said, Turn
from producers.prompts import bodies, bounds
from producers.prompts.bodies import Strict
from producers.topics import CONVERSATIONS as TOPIC

LONGEST_TITLE = 200


class AskedUpdate(Strict, frozen=True, kw_only=True):
    """The body of an update; what is not given stays as it is."""

    title: str | None = None
    metadata: dict[str, str] | None = None


class AskedConversation(Strict, frozen=True, kw_only=True):
    """The body of a create; it may be empty."""

    title: str | None = None
    metadata: dict[str, str] | None = None
    items: list[Any] | None = None


async def create(request: web.Request) -> web.Response:
    """POST /v1/conversations: open one; the log holds it when this answers."""
    app = request.app
    asked = await _asked(request)
    event = ConversationCreated(
        conversation=new_id("conv", app[CLOCK]),
        tenant=request[CALLER].tenant,
        title=asked.title,
        metadata=bounds.pairs(asked.metadata),
        at_ms=app[CLOCK].now_ms(),
    )
    await app[PUBLISHER].publish(TOPIC, event.conversation, event, trace.child_of(request.headers.get("traceparent")))
    await app[CONVERSATIONS].open(event)
    opened = Conversation(event.conversation, event.tenant, event.title, event.metadata, event.at_ms, lane=None)
    return _json(conversation_object(opened))


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/conversations: the caller's, newest first."""
    asked = page_asked(request.query)
    await view.must_be_whole(request.app[SCRIPTS])
    found = await request.app[CONVERSATIONS].of_tenant(
        request[CALLER].tenant, asked.limit, asked.after, newest_first=asked.newest_first
    )
    if found is None:
        raise not_in_list()
    return _json(_list([conversation_object(each) for each in found.conversations], has_more=found.has_more))


async def show(request: web.Request) -> web.Response:
    """GET /v1/conversations/{id}."""
    return _json(conversation_object(await _find(request)))


async def update(request: web.Request) -> web.Response:
    """POST /v1/conversations/{id}: another title, or other metadata in place of all it had."""
    app, found = request.app, await _find(request)
    asked = bodies.read(AskedUpdate, await entrance.read_body(request))
    bounds.short("title", asked.title, LONGEST_TITLE)
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
    return _json(conversation_object(await _find(request)))


async def delete(request: web.Request) -> web.Response:
    """DELETE /v1/conversations/{id}: forget it and its history."""
    app, found = request.app, await _find(request)
    event = ConversationDeleted(conversation=found.id, tenant=found.tenant, at_ms=app[CLOCK].now_ms())
    await app[PUBLISHER].publish(TOPIC, event.conversation, event, trace.child_of(request.headers.get("traceparent")))
    await app[CONVERSATIONS].forget(event)
    return _json({"id": found.id, "object": "conversation.deleted", "deleted": True})


async def list_items(request: web.Request) -> web.Response:
    """GET /v1/conversations/{id}/items: the messages of its finished turns."""
    asked, found = page_asked(request.query), await _find(request)
    await view.must_be_whole(request.app[SCRIPTS])
    turns = await request.app[CONVERSATIONS].turns(found.id)
    items = {item["id"]: item for turn in turns for item in items_of(found.id, turn)}
    chosen, has_more = page(list(items)[::-1] if asked.newest_first else list(items), asked)
    shown = [items[each] for each in chosen]
    answers = [each for each in shown if each["role"] == "assistant"]
    thumbs = await request.app[FEEDBACK].thumbs([each["job"] for each in answers])
    for answer, thumb in zip(answers, thumbs, strict=True):
        answer["feedback"] = thumb and feedback_object(thumb)
    return _json(_list(shown, has_more=has_more))


def conversation_object(conversation: Conversation) -> dict[str, Any]:
    """A conversation as OpenAI writes it, with a title beside."""
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": seconds(conversation.created_ms),
        "title": conversation.title,
        "metadata": conversation.metadata,
    }


def items_of(conversation_id: str, turn: Turn) -> list[dict[str, Any]]:
    """The messages of a turn as items of its conversation."""
    return [item_object(conversation_id, turn.job_id, at, each) for at, each in enumerate(turn.messages)]


def item_object(conversation_id: str, job_id: str, at: int, message: Said) -> dict[str, Any]:
    """A message as an item of its conversation; its id follows from its job and its place there."""
    item: dict[str, Any] = {
        "id": derived_id("msg", f"{conversation_id}/{job_id}/{at}"),
        "type": "message",
        "status": "incomplete" if message.finish_reason in {"length", "cancelled"} else "completed",
        "role": message.role,
        "content": [{"type": "input_text", "text": message.content}],
        "job": job_id,
    }
    if message.role != "assistant":
        return item
    return item | {
        "content": [{"type": "output_text", "text": message.content, "annotations": [], "logprobs": []}],
        "finish_reason": message.finish_reason,
        "cache": message.cache,
        "usage": usage_object(message.usage),
        "feedback": None,
    }


async def _asked(request: web.Request) -> AskedConversation:
    if not request.can_read_body:
        return AskedConversation()
    asked = bodies.read(AskedConversation, await entrance.read_body(request))
    if asked.items:
        raise bad_value("items: a conversation is filled by its turns.", "items")
    bounds.short("title", asked.title, LONGEST_TITLE)
    return asked


async def _find(request: web.Request) -> Conversation:
    conversation_id = request.match_info["conversation_id"]
    found = await request.app[CONVERSATIONS].read(conversation_id)
    if found is None:
        await view.must_be_whole(request.app[SCRIPTS])
    if found is None or found.tenant != request[CALLER].tenant:
        raise not_found(f"There is no conversation {conversation_id[:100]!r}.")
    return found


def _list(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more}


def _json(content: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")
