"""Items of conversations over HTTP: added between turns, shown, deleted, exported."""

import json
from typing import Any

import aiohttp
import pytest

from producers.conversations.store import Conversations
from producers.events import ItemsAdded, ItemsDeleted, Message, ToolCall
from producers.log.topics import CONVERSATIONS
from producers.state.retention import Retention
from producers.state.scripts import asked
from tests.support.builders import a_completed
from tests.support.gateway import MODEL, Log, PlayedWorker, RunningGateway
from tests.support.talk import said_in

TURN: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}
CALL = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Rome"}'}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "31"}


def said(text: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": text}


async def opened(gateway: RunningGateway, *items: dict[str, Any]) -> str:
    return str((await gateway.post("/v1/conversations", {"items": list(items)})).json["id"])


async def texts(gateway: RunningGateway, conversation: str) -> list[str]:
    items = (await gateway.get(f"/v1/conversations/{conversation}/items?order=asc&limit=100")).json["data"]
    return [each["content"][0]["text"] for each in items]


async def test_what_is_added_stands_after_the_turns_taken_before_and_is_shown_to_those_after(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    conversation = await opened(gateway, said("Be brief.", "system"))
    turn = TURN | {"conversation": conversation}
    await gateway.post("/v1/jobs", turn)
    # The first turn is taken and has not begun: no view has read of it, and it has its place all the same.
    for text in ("one", "two"):
        await gateway.post(f"/v1/conversations/{conversation}/items", {"items": [said(text)]})
    await worker.answer("Because.")
    await gateway.post("/v1/jobs", turn)
    prompt, place = await worker.next_prompt()
    shown = await said_in(Conversations(gateway.scripts, Retention()), conversation, place)
    await worker.end(await worker.lease_of(prompt, place), a_completed(prompt, "So."))

    before = [("system", "Be brief."), ("user", "Why?"), ("assistant", "Because."), ("user", "one"), ("user", "two")]
    assert [(each.role, each.content) for each in shown or ()] == before
    assert await texts(gateway, conversation) == [text for _, text in before] + ["Why?", "So."]


async def test_items_are_added_through_the_log_and_one_is_shown_by_its_id(gateway: RunningGateway) -> None:
    log = Log(gateway.kafka, [CONVERSATIONS])
    await log.start()
    conversation = await opened(gateway)
    here = f"/v1/conversations/{conversation}/items"
    added = await gateway.post(here, {"items": [{"type": "message", **said("Rome?")}, CALL, RESULT]})
    await log.next(gateway.tenant)
    event, _ = await log.next(gateway.tenant)
    await log.close()
    one = await gateway.get(f"{here}/{added.json['data'][1]['id']}?include[]=message.output_text.logprobs")
    nothing = await gateway.get(f"{here}/msg_nothing")
    wrong = await gateway.get(f"{here}?include=everything")

    assert isinstance(event, ItemsAdded)
    assert event.messages == (
        Message("user", "Rome?"),
        Message("assistant", "", tool_calls=(ToolCall("call_1", "weather", '{"city":"Rome"}'),)),
        Message("tool", "31", tool_call_id="call_1"),
    )
    assert [each["type"] for each in added.json["data"]] == ["message", "function_call", "function_call_output"]
    assert (added.json["first_id"], added.json["has_more"]) == (added.json["data"][0]["id"], False)
    assert one.json == added.json["data"][1] | CALL
    assert (nothing.status, wrong.status, wrong.json["error"]["param"]) == (404, 400, "include")


async def test_what_cannot_be_added_is_refused_by_its_name(gateway: RunningGateway) -> None:
    here = f"/v1/conversations/{await opened(gateway)}/items"
    picture = {"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}
    refused = [
        await gateway.post(here, {"items": items})
        for items in (
            [], [said("x")] * 21, [said("x", "stranger")], [{"type": "reasoning"}], [picture], [{**CALL, "name": "a b"}]
        )
    ]  # fmt: skip

    assert [each.status for each in refused] == [400] * 6
    assert [each.json["error"]["param"] for each in refused] == [
        "items", "items", "items[0].role", "items[0].type", "items[0].content[0].type", "items[0].name"
    ]  # fmt: skip
    assert (await gateway.get(here)).json["data"] == []


async def test_a_result_is_added_behind_its_call_once(gateway: RunningGateway) -> None:
    conversation = await opened(gateway, CALL, said("Wait."))
    here = f"/v1/conversations/{conversation}/items"
    stranger = {**RESULT, "call_id": "call_2"}
    wrong = [
        await gateway.post(here, {"items": [said("So."), stranger]}),
        await gateway.post(here, {"items": [RESULT, RESULT]}),
    ]
    added = await gateway.post(here, {"items": [RESULT]})
    wrong += [
        await gateway.post(here, {"items": [RESULT]}),
        await gateway.post("/v1/conversations", {"items": [said("Rome?"), RESULT]}),
    ]
    async with gateway.http.delete(f"{gateway.url}{here}/{added.json['data'][0]['id']}") as response:
        assert response.status == 200
    gone = await gateway.post(here, {"items": [RESULT]})

    assert added.status == 200
    assert [each.json["error"]["param"] for each in wrong] == ["items[1].call_id"] * 2 + [
        "items[0].call_id", "items[1].call_id"
    ]  # fmt: skip
    assert {each.status for each in (*wrong, gone)} == {400}
    assert await texts(gateway, conversation) == ["Wait."]


async def test_a_full_conversation_refuses_additions_and_turns_and_shows_all_it_has(gateway: RunningGateway) -> None:
    conversation = await opened(gateway, said("Hello."))
    home = f"{gateway.scripts.prefix}conversation:{conversation}"
    await asked(gateway.scripts.redis.hset(home, "bytes", "63999990"))
    refused = [
        await gateway.post(f"/v1/conversations/{conversation}/items", {"items": [said("More.")]}),
        await gateway.post("/v1/jobs", TURN | {"conversation": conversation}),
    ]

    for each in refused:
        assert (each.status, each.headers["x-should-retry"]) == (409, "false")
        assert (each.json["error"]["code"], each.json["error"]["param"]) == ("conversation_full", "conversation")
    assert await texts(gateway, conversation) == ["Hello."]


@pytest.mark.parametrize(("item", "holds_bytes"), [(RESULT, 100), (said("More."), 64_000_000)])
async def test_an_addition_whose_answer_was_lost_is_told_again_though_it_could_not_be_added_twice(
    gateway: RunningGateway, other_gateway: RunningGateway, item: dict[str, Any], holds_bytes: int
) -> None:
    """Its call has a result by then, or it has filled the conversation: that is no reason to refuse it."""
    conversation = await opened(gateway, CALL)
    here, once = f"/v1/conversations/{conversation}/items", {"Idempotency_Key": '"k-1"'}
    first = await gateway.post(here, {"items": [item]}, **once)
    redis, prefix = gateway.scripts.redis, gateway.scripts.prefix
    await asked(redis.hset(f"{prefix}conversation:{conversation}", "bytes", holds_bytes))
    # As if its gateway had died before it told of what it added, long ago.
    (kept,) = [each async for each in redis.scan_iter(f"{prefix}once:*/items:*")]
    await redis.hdel(kept, "status", "body", "digest")
    await redis.hset(kept, "until_ms", "1")
    again = await other_gateway.post(here, {"items": [item]}, **once)
    other = await other_gateway.post(here, {"items": [said("Else.")]}, **once)

    assert (again.status, again.json) == (first.status, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.json["error"]["code"]) == (422, "idempotency_key_reused"), "the key was not freed"


async def test_a_deleted_item_is_gone_from_the_history_and_a_call_takes_its_result_along(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    conversation = await opened(gateway, said("Rome?"), CALL, RESULT, said("Thanks."))
    turn = await gateway.post("/v1/jobs", TURN | {"conversation": conversation})
    await worker.answer("Because.")
    here = f"/v1/conversations/{conversation}/items"
    log = Log(gateway.kafka, [CONVERSATIONS])
    await log.start()
    known = (await gateway.get(f"{here}?order=asc")).json["data"]
    for each in (known[2], known[-1]):
        async with gateway.http.delete(f"{gateway.url}{here}/{each['id']}") as response:
            assert (response.status, (await response.json())["id"]) == (200, conversation)
    event, _ = await log.next(gateway.tenant)
    of_answer, _ = await log.next(gateway.tenant)
    await log.close()

    left = await said_in(Conversations(gateway.scripts, Retention()), conversation)
    assert isinstance(event, ItemsDeleted)
    assert (event.items, event.jobs) == ((known[1]["id"], known[2]["id"]), ())
    assert (of_answer.items, of_answer.jobs) == ((known[-1]["id"],), (turn.json["id"],))
    assert left == (Message("user", "Rome?"), Message("user", "Thanks."), Message("user", "Why?"))
    assert await texts(gateway, conversation) == ["Rome?", "Thanks.", "Why?"]
    async with gateway.http.delete(f"{gateway.url}{here}/{known[2]['id']}") as response:
        assert response.status == 404


async def test_a_turn_is_not_asked_again_once_something_was_added_after_it(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    conversation = await opened(gateway)
    turn = TURN | {"conversation": conversation}
    first = (await gateway.post("/v1/jobs", turn)).json["id"]
    await worker.answer("Because.")
    await gateway.post(f"/v1/conversations/{conversation}/items", {"items": [said("More.")]})
    again = await gateway.post("/v1/jobs", turn | {"replaces": first})

    assert (again.status, again.json["error"]["code"]) == (409, "not_last_turn")


async def test_an_export_holds_the_conversation_and_every_item_a_line_each(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    conversation = await opened(gateway, said("Hello."))
    job = (await gateway.post("/v1/jobs", TURN | {"conversation": conversation})).json["id"]
    await worker.answer("Because.")
    await gateway.post(f"/v1/jobs/{job}/feedback", {"kind": "thumb", "value": "up"})
    exported = await gateway.get(f"/v1/conversations/{conversation}/export")
    items = (await gateway.get(f"/v1/conversations/{conversation}/items?order=asc")).json["data"]
    lines = [json.loads(line) for line in exported.content.splitlines()]

    assert exported.headers["Content-Type"] == "application/jsonl"
    assert lines[0] == (await gateway.get(f"/v1/conversations/{conversation}")).json
    assert lines[1:] == items
    assert lines[-1]["feedback"]["value"] == "up"


async def test_an_export_that_breaks_off_does_not_look_whole(
    gateway: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = await opened(gateway, said("Hello."))
    texts = f"{gateway.scripts.prefix}conversation:{conversation}:texts"
    for turn in await gateway.scripts.redis.hkeys(texts):
        await gateway.scripts.redis.hset(texts, turn, "no JSON")
    async with gateway.http.get(f"{gateway.url}/v1/conversations/{conversation}/export") as response:
        assert (response.status, json.loads(await response.content.readline())["id"]) == (200, conversation)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()

    assert "a request failed" in caplog.text


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_of_items_hold_each_once_also_where_they_cut_a_turn(gateway: RunningGateway, order: str) -> None:
    conversation = await opened(gateway, *(said(f"{at}") for at in range(3)))
    here = f"/v1/conversations/{conversation}/items"
    await gateway.post(here, {"items": [said("3"), said("4")]})
    page = (await gateway.get(f"{here}?order={order}&limit=2")).json
    pages = [page]
    while page["has_more"]:
        page = (await gateway.get(f"{here}?order={order}&limit=2&after={page['last_id']}")).json
        pages.append(page)
    lost = await gateway.get(f"{here}?after=msg_nothing")

    seen = [each["content"][0]["text"] for page in pages for each in page["data"]]
    assert seen == ["0", "1", "2", "3", "4"][:: 1 if order == "asc" else -1]
    assert (len(pages), lost.status, lost.json["error"]["param"]) == (3, 400, "after")
