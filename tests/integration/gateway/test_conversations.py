"""Conversations over HTTP: opened, listed, shown, forgotten; their turns keep to one lane."""

import asyncio
from typing import Any

from producers.events import ConversationCreated, ConversationDeleted, Usage
from producers.log.topics import CONVERSATIONS
from tests.support.gateway import MODEL, Log, PlayedWorker, RunningGateway

TURN: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}


async def test_a_conversation_lives_in_the_log_from_its_creation_to_its_end(gateway: RunningGateway) -> None:
    log = Log(gateway.kafka, [CONVERSATIONS])
    await log.start()
    created = await gateway.post("/v1/conversations", {"title": "Sky", "metadata": {"a": "b"}})
    here = f"/v1/conversations/{created.json['id']}"
    shown = await gateway.get(here)
    async with gateway.http.delete(f"{gateway.url}{here}") as response:
        deleted = await response.json()
    gone = await gateway.get(here)
    events = [(await log.next(gateway.tenant))[0] for _ in range(2)]
    await log.close()

    assert created.status == 200
    assert (created.json["object"], created.json["title"], created.json["metadata"]) == (
        "conversation", "Sky", {"a": "b"}
    )  # fmt: skip
    assert shown.json == created.json
    assert deleted == {"id": created.json["id"], "object": "conversation.deleted", "deleted": True}
    assert gone.status == 404
    assert [type(each) for each in events] == [ConversationCreated, ConversationDeleted]


async def test_the_body_of_a_create_may_be_missing_but_not_wrong(gateway: RunningGateway) -> None:
    async with gateway.http.post(f"{gateway.url}/v1/conversations") as response:
        empty = response.status
    items = await gateway.post("/v1/conversations", {"items": [{"role": "user"}]})
    unknown = await gateway.post("/v1/conversations", {"colour": "blue"})
    too_many = await gateway.post("/v1/conversations", {"metadata": {str(n): "" for n in range(17)}})

    titles = [await gateway.post("/v1/conversations", {"title": "x" * n}) for n in (0, 1, 200, 201)]

    assert empty == 200
    assert [each.status for each in titles] == [400, 200, 200, 400]
    assert titles[0].json["error"]["param"] == "title"
    assert (items.status, items.json["error"]["param"]) == (400, "items[0].content")
    assert (unknown.status, unknown.json["error"]["param"]) == (400, "colour")
    assert (too_many.status, too_many.json["error"]["param"]) == (400, "metadata")


async def test_conversations_are_listed_in_pages(gateway: RunningGateway) -> None:
    ids = [(await gateway.post("/v1/conversations", {})).json["id"] for _ in range(3)]
    first = (await gateway.get("/v1/conversations?limit=2")).json
    rest = (await gateway.get(f"/v1/conversations?limit=2&after={first['last_id']}")).json
    oldest = (await gateway.get("/v1/conversations?order=asc")).json
    wrong = [(await gateway.get(f"/v1/conversations?{query}")).status for query in ("limit=0", "limit=x", "order=up")]

    assert [each["id"] for each in first["data"]] == ids[:0:-1]
    assert (first["has_more"], first["first_id"], first["last_id"]) == (True, ids[2], ids[1])
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[:1], False)
    assert [each["id"] for each in oldest["data"]] == ids
    assert wrong == [400, 400, 400]


async def test_a_list_goes_on_past_what_is_deleted_and_forgets_what_has_expired(gateway: RunningGateway) -> None:
    ids = [(await gateway.post("/v1/conversations", {})).json["id"] for _ in range(4)]
    first = (await gateway.get("/v1/conversations?limit=2")).json
    async with gateway.http.delete(f"{gateway.url}/v1/conversations/{first['last_id']}"):
        pass
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}conversation:{ids[1]}")
    rest = await gateway.get(f"/v1/conversations?limit=2&after={first['last_id']}")
    kept = await gateway.scripts.redis.zcard(f"{gateway.scripts.prefix}conversations:{gateway.tenant}")

    assert rest.status == 200, rest.content
    assert ([each["id"] for each in rest.json["data"]], rest.json["has_more"]) == (ids[:1], False)
    assert kept == 2


async def test_turns_follow_their_conversation_to_its_lane_and_leave_items(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    conversation = (await gateway.post("/v1/conversations", {})).json["id"]
    first = await gateway.post("/v1/jobs", TURN | {"conversation": conversation, "lane": "batch"})
    await worker.answer("Because.")
    asking = asyncio.create_task(gateway.post("/v1/chat/completions", TURN | {"conversation": conversation}))
    second = await worker.answer("I said so.")
    await asking
    items = (await gateway.get(f"/v1/conversations/{conversation}/items?order=asc")).json

    assert first.json["conversation"] == conversation
    assert second.lane == "batch", "pinned by the first turn"
    assert [(each["role"], each["content"][0]["text"]) for each in items["data"]] == [
        ("user", "Why?"), ("assistant", "Because."), ("user", "Why?"), ("assistant", "I said so.")
    ]  # fmt: skip
    assert len({each["id"] for each in items["data"]}) == 4


async def test_another_tenants_conversation_does_not_exist(gateway: RunningGateway) -> None:
    conversation = (await gateway.post("/v1/conversations", {})).json["id"]
    stranger = {"Authorization": f"Bearer {(await gateway.issue('somebody-else')).api_key}"}
    theirs = await gateway.get(f"/v1/conversations/{conversation}", **stranger)
    turn = await gateway.post("/v1/jobs", TURN | {"conversation": conversation}, **stranger)
    listed = await gateway.get("/v1/conversations", **stranger)

    assert theirs.status == 404
    assert (turn.status, turn.json["error"]["param"]) == (404, "conversation")
    assert conversation not in {each["id"] for each in listed.json["data"]}


async def test_a_conversation_gets_another_title_and_other_metadata(gateway: RunningGateway) -> None:
    created = (await gateway.post("/v1/conversations", {"title": "Sky", "metadata": {"a": "b"}})).json
    here = f"/v1/conversations/{created['id']}"
    renamed = await gateway.post(here, {"title": "Sea"})
    described = await gateway.post(here, {"metadata": {"c": "d"}})
    too_long = await gateway.post(here, {"title": "x" * 201})
    elsewhere = await gateway.post("/v1/conversations/conv_nobody", {"title": "Sea"})

    assert (renamed.status, renamed.json) == (200, created | {"title": "Sea"})
    assert (described.status, described.json) == (200, created | {"title": "Sea", "metadata": {"c": "d"}})
    assert (await gateway.get(here)).json == described.json
    assert (too_long.status, too_long.json["error"]["param"]) == (400, "title")
    assert elsewhere.status == 404


async def test_an_answer_among_the_items_tells_how_it_came_about_and_its_thumb(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    conversation = (await gateway.post("/v1/conversations", {})).json["id"]
    turn = TURN | {"conversation": conversation}
    jobs = []
    for fields in ({"cache": "hit", "usage": Usage(3, 2)}, {"finish_reason": "length"}):
        jobs.append((await gateway.post("/v1/jobs", turn)).json["id"])
        await worker.answer("Because.", **fields)
    thumb = {"kind": "thumb", "value": "down", "tags": ["Too long"]}
    given = (await gateway.post(f"/v1/jobs/{jobs[0]}/feedback", thumb)).json
    await gateway.post(f"/v1/jobs/{jobs[1]}/feedback", thumb | {"author": "ada"})
    asked, first, _, second = (await gateway.get(f"/v1/conversations/{conversation}/items?order=asc")).json["data"]

    assert {"cache", "feedback"}.isdisjoint(asked)
    assert (first["status"], first["finish_reason"], first["cache"]) == ("completed", "stop", "hit")
    assert first["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert first["feedback"] == given
    assert (second["status"], second["finish_reason"]) == ("incomplete", "length")
    assert second["feedback"] is None, "what somebody says in their own name is not everybody's"


async def test_the_last_turn_is_asked_again_in_its_place(gateway: RunningGateway, worker: PlayedWorker) -> None:
    conversation = (await gateway.post("/v1/conversations", {})).json["id"]
    turn = TURN | {"conversation": conversation}
    first = (await gateway.post("/v1/jobs", turn)).json["id"]
    await worker.answer("Because.")
    early = (await gateway.get(f"/v1/conversations/{conversation}/items?order=asc")).json["data"]
    again = await gateway.post("/v1/jobs", turn | {"replaces": first, "cache": "bypass"})
    await worker.answer("For a reason.")
    late = (await gateway.get(f"/v1/conversations/{conversation}/items?order=asc")).json["data"]
    gone = await gateway.post("/v1/jobs", turn | {"replaces": first})
    alone = await gateway.post("/v1/jobs", TURN | {"replaces": first})

    assert {each["job"] for each in early} == {first}
    assert again.status == 202
    assert [(each["job"], each["content"][0]["text"]) for each in late] == [
        (again.json["id"], "Why?"), (again.json["id"], "For a reason.")
    ]  # fmt: skip
    assert {each["id"] for each in early}.isdisjoint(each["id"] for each in late)
    assert (gone.status, gone.json["error"]["code"]) == (409, "not_last_turn")
    assert (alone.status, alone.json["error"]["param"]) == (400, "replaces")
