"""The items of a conversation: the messages of its turns, and what was added between them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.conversations.objects import conversation_object, item_object
from gateway.http import including, requests
from gateway.http.objects import as_json, list_of
from gateway.http.paging import PageAsked, not_in_list, page_asked
from gateway.http.problems import Problem, bad_value, conversation_full, not_found
from gateway.jobs.feedback import feedback_object
from gateway.keys import CALLER, CLOCK, CONVERSATIONS, FEEDBACK, MODERATOR, PUBLISHER, SCRIPTS, SETTINGS
from gateway.readers.patience import Patience
from gateway.repeats.making import MAKING
from infra.telemetry import trace
from producers.answers.feedback import Feedback
from producers.conversations.store import Conversation
from producers.conversations.turns import Item, Turn
from producers.events import ItemsAdded, ItemsDeleted, Message
from producers.log.topics import CONVERSATIONS as TOPIC
from producers.moderation import REFUSED, Refused
from producers.prompts import items, kinds
from producers.prompts.bodies import Strict
from producers.prompts.items import ItemBody
from producers.state import view

MOST_AT_ONCE: Final = 20


class AskedItems(Strict, frozen=True, kw_only=True):
    """The body of an addition."""

    items: list[ItemBody]


async def list_items(request: web.Request) -> web.Response:
    """GET /v1/conversations/{id}/items: the messages of its finished turns, and what was added."""
    including.must_be_known(request.query)
    asked, found = page_asked(request.query), await find(request)
    await view.must_be_whole(request.app[SCRIPTS])
    chosen, has_more = await _page(_items(request, found, newest_first=asked.newest_first), asked)
    shown = await _shown(request.app[FEEDBACK], chosen)
    return as_json(list_of(shown, has_more=has_more))


async def add_items(request: web.Request) -> web.Response:
    """POST /v1/conversations/{id}/items: after the last turn that was taken; the log holds them when this answers."""
    including.must_be_known(request.query)
    found = await find(request)
    asked = kinds.read(AskedItems, await requests.read_body(request), kinds.IN_ITEMS)
    if not asked.items:
        raise bad_value("items is empty.", "items")
    messages, unanswered = read(asked.items), await _unanswered(request, found, asked.items)
    # Looked for last: what it changed itself of what was read above is no reason to refuse it.
    if (known := await _added_before(request, found.id, messages)) is not None:
        return _as_list(known)
    items.check_results(asked.items, "items", unanswered)
    if found.size_bytes + len(msgspec.json.encode(messages)) > request.app[SETTINGS].conversation_bytes:
        raise conversation_full()
    await must_be_allowed(request, found.id, messages)
    return _as_list(await put(request, found.id, messages))


async def show_item(request: web.Request) -> web.Response:
    """GET /v1/conversations/{id}/items/{item_id}."""
    including.must_be_known(request.query)
    item = await _item(request, await find(request))
    return as_json((await _shown(request.app[FEEDBACK], [item]))[0])


async def delete_item(request: web.Request) -> web.Response:
    """DELETE /v1/conversations/{id}/items/{item_id}: a call and its result go together."""
    app, found = request.app, await find(request)
    item = await _item(request, found)
    call_id = item.call_id
    deleted = {each.id: each.job_id async for each in _items(request, found) if call_id and each.call_id == call_id}
    deleted = deleted or {item.id: item.job_id}
    event = ItemsDeleted(
        conversation=found.id,
        tenant=found.tenant,
        items=tuple(deleted),
        jobs=tuple(dict.fromkeys(job_id for job_id in deleted.values() if job_id)),
        at_ms=app[CLOCK].now_ms(),
    )
    await app[PUBLISHER].publish(TOPIC, found.id, event, trace.child_of(request.headers.get("traceparent")))
    await app[CONVERSATIONS].leave_out(event)
    return as_json(conversation_object(found))


async def export(request: web.Request) -> web.StreamResponse:
    """GET /v1/conversations/{id}/export: the conversation, then its items from the first on, one JSON object a line."""
    app, found = request.app, await find(request)
    await view.must_be_whole(app[SCRIPTS])
    disposition = f'attachment; filename="{found.id}.jsonl"'
    response = web.StreamResponse(headers={"Content-Type": "application/jsonl", "Content-Disposition": disposition})
    await response.prepare(request)
    reader = Patience(request, response)
    await reader.write(_line(conversation_object(found)))
    async for turns in app[CONVERSATIONS].told(found.id):
        shown = await _shown(app[FEEDBACK], [item for turn in turns for item in turn.items()])
        await reader.write(b"".join(_line(each) for each in shown))
    await reader.end()
    return response


async def find(request: web.Request) -> Conversation:
    """The conversation that a URL names, if it is the caller's.

    Raises:
        Problem: 404 where there is none.
        Unavailable: Redis does not answer, or we cannot know yet.
    """
    conversation_id = request.match_info["conversation_id"]
    found = await request.app[CONVERSATIONS].read(conversation_id)
    if found is None:
        await view.must_be_whole(request.app[SCRIPTS])
    if found is None or found.tenant != request[CALLER].tenant:
        raise not_found(f"There is no conversation {conversation_id[:100]!r}.")
    return found


def read(given: Sequence[ItemBody]) -> tuple[Message, ...]:
    """Items that a body holds, as messages.

    Raises:
        WrongField: one of them is none.
        Problem: there are too many.
    """
    if len(given) > MOST_AT_ONCE:
        raise bad_value(f"items holds {len(given)}; {MOST_AT_ONCE} may be added at a time.", "items")
    return items.messages_of(given, "items")


async def must_be_allowed(request: web.Request, conversation_id: str, messages: tuple[Message, ...]) -> None:
    """Ask moderation about messages that nobody answers yet, but that later turns are read with.

    Raises:
        Problem: 400, it refuses them.
        Unavailable: it cannot judge them now.
    """
    caller = request[CALLER]
    judged = await request.app[MODERATOR].judge_items(messages, conversation_id, caller.tenant, caller.id)
    if isinstance(judged, Refused):
        raise Problem(400, judged.of_items, param="items", code=REFUSED)


async def put(request: web.Request, conversation_id: str, messages: tuple[Message, ...]) -> Turn:
    """Put messages after the last turn that was taken before now: those under way now may run without them.

    Raises:
        Unavailable: the broker or Redis did not answer, or we do not know the last turn yet.
    """
    app = request.app
    await view.must_be_whole(app[SCRIPTS])
    event = ItemsAdded(
        conversation=conversation_id,
        tenant=request[CALLER].tenant,
        messages=messages,
        after=await app[CONVERSATIONS].last_place(conversation_id),
        added=_name_of_addition(request),
        at_ms=app[CLOCK].now_ms(),
    )
    traceparent = trace.child_of(request.headers.get("traceparent"))
    written = await app[PUBLISHER].publish(TOPIC, conversation_id, event, traceparent)
    return await app[CONVERSATIONS].add(event, written.offset)


async def _added_before(request: web.Request, conversation_id: str, messages: tuple[Message, ...]) -> Turn | None:
    """What the same request added before, whose answer was lost, or never told; None where it added nothing."""
    making = request[MAKING]
    if not making.may_be_repeated:
        return None
    known = await request.app[CONVERSATIONS].added(conversation_id, _name_of_addition(request), messages)
    making.is_told_again = known is not None
    return known


def _name_of_addition(request: web.Request) -> str:
    return request[MAKING].id("added")


def _as_list(added: Turn) -> web.Response:
    return as_json(list_of([item_object(each) for each in added.items()], has_more=False))


async def _items(
    request: web.Request, conversation: Conversation, *, newest_first: bool = False
) -> AsyncIterator[Item]:
    """All items, of which only some are held at a time."""
    async for turns in request.app[CONVERSATIONS].told(conversation.id, newest_first=newest_first):
        for turn in turns:
            items = list(turn.items())
            for each in reversed(items) if newest_first else items:
                yield each


async def _page(found: AsyncIterator[Item], asked: PageAsked) -> tuple[list[Item], bool]:
    """The items asked for of those found, and whether more follow.

    Raises:
        Problem: 400: `after` is none of them.
    """
    chosen: list[Item] = []
    is_there = asked.after is None
    async for each in found:
        if is_there and len(chosen) == asked.limit:
            return chosen, True
        if is_there:
            chosen.append(each)
        is_there = is_there or each.id == asked.after
    if not is_there:
        raise not_in_list()
    return chosen, False


async def _item(request: web.Request, conversation: Conversation) -> Item:
    item_id = request.match_info["item_id"]
    async for each in _items(request, conversation):
        if each.id == item_id:
            return each
    raise not_found(f"There is no item {item_id[:100]!r} in this conversation.")


async def _shown(feedback: Feedback, chosen: Sequence[Item]) -> list[dict[str, Any]]:
    answers = [each for each in chosen if each.job_id and not each.call and each.message.role == "assistant"]
    thumbs = await feedback.thumbs([each.job_id or "" for each in answers])
    given = {each.id: feedback_object(thumb) for each, thumb in zip(answers, thumbs, strict=True) if thumb}
    return [item_object(each, given.get(each.id)) for each in chosen]


async def _unanswered(request: web.Request, conversation: Conversation, given: Sequence[ItemBody]) -> frozenset[str]:
    """The calls made before that the items bring results of, and that have none."""
    named = items.results_of_others(given)
    if not named:
        return frozenset()
    await view.must_be_whole(request.app[SCRIPTS])
    return await request.app[CONVERSATIONS].unanswered(conversation.id, named)


def _line(content: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(content) + b"\n"
