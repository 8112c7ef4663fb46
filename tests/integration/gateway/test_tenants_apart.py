"""What belongs to a tenant does not exist for another: every route that names a thing is walked with a foreign key.

A route whose parameter stands in neither table below fails the first test: whoever adds one says here whose it is.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from gateway import routes
from infra.settings import KafkaSettings, RedisSettings
from tests.support.files import a_line, answering, comes_to, submit, with_store
from tests.support.gateway import MODEL, Answer, RunningGateway, a_gateway, a_played_worker

NOBODYS: Final = {
    "model": "what is served is no secret, and a key's own list is asked",
    "name": "a report is asked for the caller's tenant alone",
    "chart": "a chart is asked for the caller's tenant alone",
    "path": "a file of the pages",
}
"""Parameters that name nothing of a tenant, and why."""
OPERATORS: Final = "/v1/admin/"
"""What is below is for keys of the scope `admin`, which see every tenant; to all others it is forbidden."""
BODIES: Final[dict[str, Any]] = {
    "/v1/jobs/{job_id}/feedback": {"kind": "thumb", "value": "up"},
    "/v1/conversations/{conversation_id}/items": {"items": [{"role": "user", "content": "x"}]},
}
"""What is sent where an empty object is no body."""
PROMPT: Final[dict[str, Any]] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}
RESPONSE: Final[dict[str, Any]] = {"model": MODEL, "input": "x"}

Walk = list[tuple[str, str, frozenset[str]]]


def walked() -> Walk:
    """Method, path and parameters of every route that names a thing of a tenant."""
    table = [(each.method, each.path, frozenset(re.findall(r"\{(\w+)", each.path))) for each in routes.table()]
    return [each for each in table if each[2] and not each[1].startswith(OPERATORS)]


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    """With a folder for files, so that they can be walked too."""
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path)) as running:
        yield running


@pytest.fixture
async def things(gateway: RunningGateway) -> dict[str, str]:
    """One thing of each kind of the gateway's own tenant, by the parameter that names it."""
    items = {"items": [{"role": "user", "content": "Hello."}]}
    conversation = (await gateway.post("/v1/conversations", items)).json["id"]
    item = (await gateway.get(f"/v1/conversations/{conversation}/items")).json["data"][0]["id"]
    async with a_played_worker(gateway) as worker, answering(worker):
        job = (await gateway.post("/v1/jobs", PROMPT, Prefer="wait=60")).json
        response = (await gateway.post("/v1/responses", {"model": MODEL, "input": "Why not?"})).json["id"]
        batch = await submit(gateway, [a_line("one", "Whose?")])
        file = (await comes_to(gateway, batch, "completed"))["input_file_id"]
    return {
        "job_id": job["id"],
        "completion_id": job["result"]["id"],
        "response_id": response,
        "conversation_id": conversation,
        "item_id": item,
        "file_id": file,
        "batch_id": batch,
    }


async def asked(gateway: RunningGateway, method: str, path: str, names: dict[str, str], **headers: str) -> Answer:
    url, body = gateway.url + re.sub(r"\{(\w+)[^}]*\}", lambda found: names[found[1]], path), BODIES.get(path, {})
    async with gateway.http.request(
        method, url, json=body if method in {"POST", "PUT", "PATCH"} else None, headers=headers
    ) as answer:
        return await Answer.of(answer)


async def test_every_route_that_names_a_thing_is_walked_with_a_foreign_key(
    gateway: RunningGateway, things: dict[str, str]
) -> None:
    """What is another's is told as what is nowhere; and that the walk is real, its owner's own key shows."""
    stranger = {"Authorization": f"Bearer {(await gateway.issue('somebody-else')).api_key}"}
    unknown = {name: made_up(id) for name, id in things.items()}
    # What deletes comes last, and the items of a conversation before the conversation.
    walk = sorted(walked(), key=lambda each: (each[0] == "DELETE", -len(each[2]) if each[0] == "DELETE" else 0))
    mine = [each for each in walk if not each[2] & NOBODYS.keys()]

    unclear = {name for _, _, names in walk for name in names} - NOBODYS.keys() - things.keys()
    assert not unclear, "say in `things` whose these are, or in NOBODYS why they are nobody's"
    for method, path, _ in mine:
        theirs, nowhere = [await asked(gateway, method, path, each, **stranger) for each in (things, unknown)]
        assert (theirs.status, nowhere.status) == (404, 404), (method, path, theirs.content)
        assert blurred(theirs, things) == blurred(nowhere, unknown), (method, path)
    own = (await gateway.post("/v1/conversations", {}, **stranger)).json["id"]
    for method, path, names in mine:
        if "item_id" in names:  # a foreign thing within one of its own
            mixed = await asked(gateway, method, path, things | {"conversation_id": own}, **stranger)
            assert mixed.status == 404, (method, path)
    for method, path, _ in mine:
        status = (await asked(gateway, method, path, things)).status
        assert status != 404, (method, path, "does not exist for its owner")


async def test_what_is_for_operators_is_forbidden_to_every_other_key(gateway: RunningGateway) -> None:
    """Whatever it names, also the key and the tenant that ask."""
    table = [each for each in routes.table() if each.path.startswith(OPERATORS)]
    own = {"key_id": gateway.key.event.id, "tenant": gateway.tenant, "letter_id": "letter_x"}
    statuses = {(each.method, each.path): (await asked(gateway, each.method, each.path, own)).status for each in table}

    assert len(statuses) > 3
    assert set(statuses.values()) == {403}, statuses


def made_up(id: str) -> str:
    """An id of the same kind and time that nothing has."""
    return f"{id[:-8]}{'0' * 8}"


def blurred(answer: Answer, names: dict[str, str]) -> dict[str, Any]:
    """The error without the id that was asked for."""
    told = str(answer.json["error"]["message"])
    for each in names.values():
        told = told.replace(each, "…")
    return {**answer.json["error"], "message": told}


NAMED_IN_BODIES: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "a job's conversation": ("/v1/jobs", "conversation_id", PROMPT | {"conversation": ...}),
    "a completion's conversation": ("/v1/chat/completions", "conversation_id", PROMPT | {"conversation": ...}),
    "a response's conversation": ("/v1/responses", "conversation_id", RESPONSE | {"conversation": ...}),
    "a response before": ("/v1/responses", "response_id", RESPONSE | {"previous_response_id": ...}),
    "a batch's input": (
        "/v1/batches",
        "file_id",
        {"input_file_id": ..., "endpoint": "/v1/chat/completions", "completion_window": "24h"},
    ),
}


async def test_a_thing_that_a_body_names_does_not_exist_for_others_either(
    gateway: RunningGateway, things: dict[str, str]
) -> None:
    stranger = await gateway.issue("somebody-else")
    key = {"Authorization": f"Bearer {stranger.api_key}"}
    for what, (path, kind, body) in NAMED_IN_BODIES.items():
        foreign, nothing = things[kind], made_up(things[kind])
        theirs, nowhere = [
            await gateway.post(path, {name: each if value is ... else value for name, value in body.items()}, **key)
            for each in (foreign, nothing)
        ]
        assert 400 <= theirs.status < 500, (what, theirs.content)
        assert theirs.status == nowhere.status, (what, theirs.content, nowhere.content)
        assert blurred(theirs, {"": foreign}) == blurred(nowhere, {"": nothing}), what


async def test_lists_hold_nothing_of_another_tenant(gateway: RunningGateway, things: dict[str, str]) -> None:
    stranger = {"Authorization": f"Bearer {(await gateway.issue('somebody-else')).api_key}"}
    lists = [
        each.path
        for each in routes.table()
        if each.method == "GET" and each.path.startswith("/v1/") and "{" not in each.path
    ]
    seen = {path: await gateway.get(path, **stranger) for path in lists}

    assert "/v1/conversations" in lists
    for path, answer in seen.items():
        assert not [each for each in things.values() if each.encode() in answer.content], path
