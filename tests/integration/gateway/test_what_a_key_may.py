"""What a key may do: its scopes, its models, and until when."""

from typing import Any

import pytest

from tests.support.builders import CLOCK
from tests.support.gateway import MODEL, RunningGateway

PROMPT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}


async def test_a_key_sees_and_asks_only_the_models_it_may_use(gateway: RunningGateway) -> None:
    held = await gateway.issue(gateway.tenant, {"models": ("other/model", "gone")}, requests_per_minute=9)
    headers = {"Authorization": f"Bearer {held.api_key}"}
    listed = await gateway.get("/v1/models", **headers)
    allowed = await gateway.post("/v1/jobs", PROMPT | {"model": "other/model"}, **headers)
    refused = [
        await gateway.post("/v1/jobs", PROMPT, **headers),
        await gateway.post("/v1/chat/completions", PROMPT, **headers),
        await gateway.get(f"/v1/models/{MODEL}", **headers),
    ]
    unknown = await gateway.post("/v1/jobs", PROMPT | {"model": "none"}, **headers)

    assert [each["id"] for each in listed.json["data"]] == ["other/model"]
    assert allowed.status == 202
    assert {each.status for each in refused} == {404}
    wanted = unknown.json["error"] | {"message": unknown.json["error"]["message"].replace("none", MODEL)}
    assert [each.json["error"] for each in refused] == [wanted] * 3, "as for a model that nobody serves"
    assert refused[0].headers["x-ratelimit-remaining-requests"] == "7", "and it is counted"


async def test_an_expired_key_is_no_key(gateway: RunningGateway) -> None:
    over = await gateway.issue(gateway.tenant, {"expires_ms": CLOCK.now_ms() - 1.0})
    lasts = await gateway.issue(gateway.tenant, {"expires_ms": CLOCK.now_ms() + 60_000.0})

    refused = await gateway.get("/v1/models", Authorization=f"Bearer {over.api_key}")
    taken = await gateway.get("/v1/models", Authorization=f"Bearer {lasts.api_key}")

    assert (refused.status, taken.status) == (401, 200)
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.json["error"]["code"] == "invalid_api_key"
    assert "expired" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("scopes", "answers"),
    [
        (("jobs",), (202, 403, 200)),
        (("read",), (403, 200, 200)),
        (("admin",), (403, 403, 200)),
    ],
)
async def test_a_key_may_only_what_its_scopes_say(
    gateway: RunningGateway, scopes: tuple[str, ...], answers: tuple[int, ...]
) -> None:
    held = await gateway.issue(gateway.tenant, {"scopes": scopes})
    headers = {"Authorization": f"Bearer {held.api_key}"}
    found = [
        await gateway.post("/v1/jobs", PROMPT, **headers),
        await gateway.get("/v1/conversations", **headers),
        await gateway.get("/v1/models", **headers),
    ]

    assert tuple(each.status for each in found) == answers
    for each in found:
        if each.status == 403:
            assert each.json["error"]["type"] == "permission_error"
            assert each.json["error"]["code"] == "missing_scope"
