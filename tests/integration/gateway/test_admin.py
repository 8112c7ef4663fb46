"""Administration over HTTP: keys and tenants of everybody, and a record of every act."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.keys import LOG, REGISTRY
from infra.errors import Unavailable
from producers.access.keys import Minted
from producers.administration import audit
from producers.administration.acts import Administration
from producers.administration.audit import AuditAsked
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, SEAL, Answer, RunningGateway

PROMPT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}
LIMITS = {
    "requests_per_minute": 600,
    "tokens_per_minute": None,
    "jobs_in_flight": 200,
    "queued_jobs": None,
    "tokens_per_day": None,
}


@dataclass
class Desk:
    """An administrator at a gateway."""

    gateway: RunningGateway
    headers: dict[str, str]
    key_id: str

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()} | self.headers
        url = f"{self.gateway.url}/v1/admin/{path}"
        async with self.gateway.http.request(method, url, json=body, headers=named) as response:
            return await Answer.of(response)

    async def create(self, **body: Any) -> dict[str, Any]:
        made = await self("POST", "keys", {"tenant": self.gateway.tenant, "name": "ci"} | body)
        assert made.status == 200, made.json
        found: dict[str, Any] = made.json
        return found


@pytest.fixture
async def desk(gateway: RunningGateway) -> Desk:
    minted = await gateway.issue(f"{gateway.tenant}-ops", {"scopes": ("admin",)})
    return Desk(gateway, {"Authorization": f"Bearer {minted.api_key}"}, minted.event.id)


async def is_taken(gateway: RunningGateway, api_key: str) -> bool:
    return (await gateway.get("/v1/models", Authorization=f"Bearer {api_key}")).status == 200


async def test_a_key_is_made_told_once_and_at_once_good(desk: Desk) -> None:
    made = await desk.create(
        scopes=["jobs", "jobs"], models=[MODEL], expires_at=4_000_000_000, limits={"tokens_per_day": 9}
    )
    shown = await desk("GET", f"keys/{made['id']}")

    secrets = {"api_key": made["api_key"], "webhook_secret": made["webhook_secret"]}
    assert shown.json == {name: value for name, value in made.items() if name not in secrets}
    assert shown.json == {
        "id": made["id"], "object": "api_key", "tenant": desk.gateway.tenant, "name": "ci",
        "prefix": made["api_key"][:18], "status": "valid", "scopes": ["jobs"], "models": [MODEL],
        "limits": LIMITS | {"tokens_per_day": 9}, "created_at": made["created_at"], "expires_at": 4_000_000_000,
        "former_valid_until": None,
    }  # fmt: skip
    assert shown.headers["Cache-Control"] == "no-store"
    assert await is_taken(desk.gateway, made["api_key"])
    known = desk.gateway.app[REGISTRY].registry.keys[made["id"]]
    assert SEAL.unseal(known.webhook_secret_encrypted) == made["webhook_secret"]


async def test_keys_are_listed_in_pages_and_found_by_how_they_begin(desk: Desk) -> None:
    made = [await desk.create(name=str(at)) for at in range(3)]
    tenant = desk.gateway.tenant
    first = await desk("GET", f"keys?tenant={tenant}&limit=2")
    rest = await desk("GET", f"keys?tenant={tenant}&limit=2&after={first.json['last_id']}")
    found = await desk("GET", f"keys?prefix={made[1]['prefix']}")
    whole = await desk("GET", f"keys?prefix={made[1]['api_key']}")
    none = await desk("GET", "keys?prefix=sk-headrace-NO")
    wrong = await desk("GET", "keys?after=key_x")

    assert [each["id"] for each in first.json["data"]] == [made[2]["id"], made[1]["id"]]
    assert (first.json["has_more"], first.json["first_id"]) == (True, made[2]["id"])
    assert made[0]["id"] in [each["id"] for each in rest.json["data"]]
    assert [each["id"] for each in found.json["data"]] == [made[1]["id"]]
    assert none.json == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    assert (whole.status, whole.json["error"]["code"]) == (400, "key_in_url"), "a whole key belongs in no URL"
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "after")


async def test_what_a_key_may_is_changed_and_what_is_not_named_stays(desk: Desk) -> None:
    made = await desk.create(models=[MODEL], limits={"tokens_per_minute": 7})
    body = {"name": "new", "limits": {"requests_per_minute": 2, "jobs_in_flight": None}}
    changed = await desk("POST", f"keys/{made['id']}", body)
    headers = {"Authorization": f"Bearer {made['api_key']}"}
    answers = [(await desk.gateway.post("/v1/conversations", {}, **headers)).status for _ in range(3)]

    wanted = LIMITS | {"requests_per_minute": 2, "jobs_in_flight": None, "tokens_per_minute": 7}
    assert changed.json["limits"] == wanted
    assert (changed.json["name"], changed.json["models"]) == ("new", [MODEL])
    assert answers == [200, 200, 429]


async def test_a_rotated_key_is_good_twice_for_a_while_and_stays_the_same_key(desk: Desk) -> None:
    made = await desk.create()
    turned = await desk("POST", f"keys/{made['id']}/rotate", {"overlap_s": 60})
    at_once = await desk("POST", f"keys/{made['id']}/rotate", {"overlap_s": 0})
    keys = (made["api_key"], turned.json["api_key"], at_once.json["api_key"])
    too_long = await desk("POST", f"keys/{made['id']}/rotate", {"overlap_s": 10**9})

    assert turned.json["former_valid_until"] > turned.json["created_at"]
    assert (turned.json["id"], turned.json["prefix"]) == (made["id"], keys[1][:18])
    assert len(set(keys)) == 3
    assert [await is_taken(desk.gateway, each) for each in keys] == [False, False, True]
    assert (too_long.status, too_long.json["error"]["param"]) == (400, "overlap_s")


async def test_during_the_overlap_both_are_good(desk: Desk) -> None:
    made = await desk.create()
    turned = await desk("POST", f"keys/{made['id']}/rotate")

    assert [await is_taken(desk.gateway, each) for each in (made["api_key"], turned.json["api_key"])] == [True, True]


async def test_a_revoked_key_is_good_no_more_and_cannot_be_changed(desk: Desk) -> None:
    made = await desk.create()
    once, twice = [await desk("DELETE", f"keys/{made['id']}") for _ in range(2)]
    changed = await desk("POST", f"keys/{made['id']}", {"name": "x"})
    turned = await desk("POST", f"keys/{made['id']}/rotate")
    unknown = await desk("DELETE", "keys/key_unknown")
    shown = await desk("GET", f"keys/{made['id']}")

    assert once.json == twice.json == {"id": made["id"], "object": "api_key.deleted", "deleted": True}
    assert not await is_taken(desk.gateway, made["api_key"])
    assert (changed.status, turned.status, unknown.status) == (409, 409, 404)
    assert shown.json["status"] == "revoked"


async def test_a_tenant_is_limited(desk: Desk) -> None:
    path = f"tenants/{desk.gateway.tenant}"
    limited = await desk("POST", path, {"name": "Acme", "limits": {"requests_per_minute": 1}})
    more = await desk("POST", path, {"limits": {"tokens_per_day": 5}})
    shown = await desk("GET", path)
    listed = await desk("GET", "tenants?limit=100")
    answers = [(await desk.gateway.post("/v1/conversations", {})).status for _ in range(2)]

    assert limited.json["name"] == "Acme"
    assert more.json["limits"] == dict.fromkeys(LIMITS) | {"requests_per_minute": 1, "tokens_per_day": 5}
    assert shown.json == more.json
    assert more.json in listed.json["data"]
    assert answers == [200, 429]
    assert [(await desk("GET", "tenants/nobody")).status, (await desk("POST", "tenants/a%20b", {})).status] == [
        404,
        400,
    ]


async def test_every_act_is_on_record_and_no_secret_is(desk: Desk) -> None:
    made = await desk.create(name="first")
    await desk("POST", f"keys/{made['id']}", {"limits": {"tokens_per_day": 5}}, x_request_id="by-hand")
    turned = await desk("POST", f"keys/{made['id']}/rotate")
    await desk("DELETE", f"keys/{made['id']}")
    found = await desk("GET", f"audit?of={made['id']}")
    page = await desk("GET", f"audit?of={made['id']}&limit=1&order=asc")
    rest = await desk("GET", f"audit?of={made['id']}&order=asc&after={page.json['last_id']}")
    by_actor = await desk("GET", f"audit?of={desk.key_id}")

    acts = found.json["data"]
    assert [each["act"] for each in acts] == ["key.revoked", "key.rotated", "key.changed", "key.created"]
    assert {(each["actor"], each["via"], each["origin"], each["tenant"]) for each in acts} == {
        (desk.key_id, "api", "127.0.0.1", desk.gateway.tenant)
    }
    assert acts[2]["changes"] == [{"field": "tokens_per_day", "before": "null", "after": "5"}]
    assert acts[2]["request_id"] == "by-hand"
    assert "models" not in {each["field"] for each in acts[-1]["changes"]}, "all models, as before there was a key"
    assert page.json["has_more"]
    assert page.json["data"] == acts[-1:]
    assert rest.json["data"] == acts[-2::-1]
    assert [each["act"] for each in by_actor.json["data"]][-2:] == ["key.created", "tenant.changed"]
    written = json.dumps([found.json, by_actor.json])
    for secret in (made["api_key"], made["webhook_secret"], turned.json["api_key"]):
        assert secret not in written
        assert secret[:24] not in written


async def test_the_record_is_read_page_by_page_however_long_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "WINDOW", 2)
    made = await desk.create()
    for name in "abc":
        await desk("POST", f"keys/{made['id']}", {"name": name})
    ids: list[str] = []
    more = True
    while more:
        after = f"&after={ids[-1]}" if ids else ""
        page = (await desk("GET", f"audit?of={made['id']}&limit=1{after}")).json
        ids, more = [*ids, *(each["id"] for each in page["data"])], page["has_more"]

    asked = AuditAsked(limit=100, target=made["id"])
    whole = await asyncio.to_thread(audit.read, desk.gateway.app[LOG], asked)
    assert ids == [f"act_{each.offset}" for each in whole.acts]
    assert len(ids) == 4
    for wrong in ("act_", "act_x", "7", "key_1"):
        assert (await desk("GET", f"audit?after={wrong}")).status == 400


async def test_an_answer_kept_under_an_idempotency_key_holds_no_secret(desk: Desk) -> None:
    body = {"tenant": desk.gateway.tenant, "name": "ci"}
    first = await desk("POST", "keys", body, Idempotency_Key="k")
    again = await desk("POST", "keys", body, Idempotency_Key="k")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json | {"api_key": None, "webhook_secret": None}
    redis, prefix = desk.gateway.scripts.redis, desk.gateway.scripts.prefix
    kept = [str(await redis.hgetall(name)) async for name in redis.scan_iter(f"{prefix}once:*")]
    assert kept
    assert first.json["api_key"] not in "".join(kept)


async def test_a_key_whose_maker_died_before_telling_of_it_is_one_key_whose_new_secret_alone_is_good(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets: list[str] = []

    registry, body = desk.gateway.app[REGISTRY].registry, {"tenant": desk.gateway.tenant, "name": "ci"}
    create = Administration.create

    async def create_and_die(self: Administration, minted: Minted) -> Any:
        await create(self, minted)
        secrets.append(minted.api_key)
        raise Unavailable("kafka", "we died here, with the key in the log")

    monkeypatch.setattr(Administration, "create", create_and_die)
    broken = await desk("POST", "keys", body, Idempotency_Key="k")
    monkeypatch.undo()
    await eventually(lambda: registry.key_for(secrets[0], 0.0) is not None, what="the key in the registry")
    back = await desk("POST", "keys", body, Idempotency_Key="k")
    again = await desk("POST", "keys", body, Idempotency_Key="k")

    assert (broken.status, back.status) == (503, 200)
    assert [each.id for each in registry.find(desk.gateway.tenant, "") if each.name == "ci"] == [back.json["id"]]
    assert [await is_taken(desk.gateway, each) for each in (secrets[0], back.json["api_key"])] == [False, True]
    assert back.json["webhook_secret"] == SEAL.unseal(registry.keys[back.json["id"]].webhook_secret_encrypted)
    assert again.json == back.json | {"api_key": None, "webhook_secret": None}


WRONG: list[tuple[str, Mapping[str, Any], str]] = [
    ("keys", {"name": "x"}, "tenant"),
    ("keys", {"tenant": "a b", "name": "x"}, "tenant"),
    ("keys", {"tenant": "acme", "name": ""}, "name"),
    ("keys", {"tenant": "acme", "name": "x", "scopes": []}, "scopes"),
    ("keys", {"tenant": "acme", "name": "x", "scopes": ["root"]}, "scopes[0]"),
    ("keys", {"tenant": "acme", "name": "x", "models": [""]}, "models"),
    ("keys", {"tenant": "acme", "name": "x", "models": []}, "models"),
    ("keys", {"tenant": "acme", "name": "x", "expires_at": 1}, "expires_at"),
    ("keys", {"tenant": "acme", "name": "x", "limits": {"queued_jobs": 0}}, "limits.queued_jobs"),
    ("keys", {"tenant": "acme", "name": "x", "sha256": "y"}, "sha256"),
    ("tenants/acme", {"limits": {"tokens": 1}}, "limits.tokens"),
]


@pytest.mark.parametrize(("path", "body", "param"), WRONG)
async def test_what_is_wrong_is_named(desk: Desk, path: str, body: Mapping[str, Any], param: str) -> None:
    refused = await desk("POST", path, body)

    assert (refused.status, refused.json["error"]["param"]) == (400, param)


@pytest.mark.parametrize("path", ["keys", "keys/key_1", "tenants", "tenants/acme", "audit"])
async def test_without_the_scope_nothing_of_it_is_seen(gateway: RunningGateway, path: str) -> None:
    refused = await gateway.get(f"/v1/admin/{path}")

    assert (refused.status, refused.json["error"]["type"]) == (403, "permission_error")
