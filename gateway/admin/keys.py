"""/v1/admin/keys: API keys of every tenant; the key itself is told once, when it is made or rotated."""

from typing import Any

from aiohttp import web
from msgspec import UNSET, UnsetType

from gateway.admin.acting import LimitsBody, administration, answered, given_limits, limits_object, page_of, seen
from gateway.http import requests
from gateway.http.objects import seconds
from gateway.http.paging import page_asked
from gateway.http.problems import SERVER, Problem, conflict, not_found
from gateway.keys import CLOCK, REGISTRY, SEAL
from gateway.repeats.making import MAKING
from infra.errors import WrongField
from infra.sealing import Seal
from producers.access.keys import DEFAULT_LIMITS, has_expired, is_tenant, mint
from producers.access.registry import Registry
from producers.administration.acts import LONGEST_OVERLAP_S, terms
from producers.events import CLIENT_SCOPES, KeyIssued, Limits, Scope
from producers.prompts import bodies, bounds
from producers.prompts.bodies import Strict

MOST_MODELS = 100
LONGEST_KEY_NAME = 200


class KeyBody(Strict, frozen=True, kw_only=True):
    """What a new key is to be."""

    tenant: str
    name: str
    scopes: tuple[Scope, ...] = CLIENT_SCOPES
    models: tuple[str, ...] | None = None
    expires_at: int | None = None
    limits: LimitsBody = LimitsBody()


class KeyChangeBody(Strict, frozen=True, kw_only=True):
    """What is to be another; what is left out stays as it is."""

    name: str | UnsetType = UNSET
    scopes: tuple[Scope, ...] | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    limits: LimitsBody | UnsetType = UNSET


class RotateBody(Strict, frozen=True, kw_only=True):
    """How long the old secret is accepted still."""

    overlap_s: int = 3600


async def create(request: web.Request) -> web.Response:
    """POST /v1/admin/keys: make a key; this answer alone holds it and its webhook secret."""
    app = request.app
    asked = bodies.read(KeyBody, await requests.read_body(request))
    if not is_tenant(asked.tenant):
        message = "tenant must have 1 to 64 letters, digits, '.', '_' or '-', the first a letter or a digit."
        raise WrongField(message, "tenant")
    seal = app[SEAL]
    if seal is None:
        message = (
            "This gateway has no HEADRACE_SECRET_KEY, under which a key's webhook secret is kept; use headrace keys."
        )
        raise Problem(503, message, type=SERVER, code="no_secret_key", headers={"x-should-retry": "false"})
    given = _checked(asked, app[CLOCK].now_ms())
    limits = {**limits_object(DEFAULT_LIMITS), **given_limits(asked.limits)}
    key_id, keys = request[MAKING].id("key"), app[REGISTRY].registry.keys
    if key_id in keys:
        return await _told_anew(request, keys[key_id], seal)
    minted = mint(
        app[CLOCK],
        seal,
        tenant=asked.tenant,
        name=asked.name,
        limits=Limits(**limits),
        scopes=given["scopes"],
        models=given["models"],
        expires_ms=given["expires_ms"],
    ).under(key_id, seal)
    await seen(request, await administration(request).create(minted))
    if (first := keys.get(key_id, minted.event)).sha256 != minted.event.sha256:
        return await _told_anew(request, first, seal)
    secrets = {"api_key": minted.api_key, "webhook_secret": minted.webhook_secret}
    return _told_once(request, minted.event, secrets)


async def _told_anew(request: web.Request, key: KeyIssued, seal: Seal) -> web.Response:
    """The answer for a key whose maker died before telling of it: nobody has its secret, so it gets another one."""
    registry = request.app[REGISTRY].registry
    if key.id in registry.revoked:
        raise _revoked()
    api_key, written = await administration(request).rotate(key, 0)
    await seen(request, written)
    secrets = {"api_key": api_key, "webhook_secret": seal.unseal(key.webhook_secret_encrypted)}
    return _told_once(request, registry.keys[key.id], secrets)


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/admin/keys: all, or those of a tenant, or those that begin with a prefix."""
    registry, now_ms = request.app[REGISTRY].registry, request.app[CLOCK].now_ms()
    found = registry.find(request.query.get("tenant"), request.query.get("prefix", ""))
    return page_of([key_object(each, registry, now_ms) for each in found], page_asked(request.query))


async def show(request: web.Request) -> web.Response:
    """GET /v1/admin/keys/{id}."""
    return _shown(request, _find(request))


async def change(request: web.Request) -> web.Response:
    """POST /v1/admin/keys/{id}: what the key may do from now on."""
    key, now_ms = _valid(request), request.app[CLOCK].now_ms()
    asked = bodies.read(KeyChangeBody, await requests.read_body(request))
    to = terms(key, now_ms, {**_checked(asked, now_ms), **given_limits(asked.limits)})
    await seen(request, await administration(request).change(key, to))
    return _shown(request, _find(request))


async def rotate(request: web.Request) -> web.Response:
    """POST /v1/admin/keys/{id}/rotate: another secret for the same key, which this answer alone holds."""
    key = _valid(request)
    asked = bodies.read(RotateBody, await requests.read_body(request)) if request.body_exists else RotateBody()
    bounds.within("overlap_s", asked.overlap_s, 0, LONGEST_OVERLAP_S)
    api_key, written = await administration(request).rotate(key, asked.overlap_s)
    await seen(request, written)
    return _told_once(request, _find(request), {"api_key": api_key})


async def revoke(request: web.Request) -> web.Response:
    """DELETE /v1/admin/keys/{id}: take it back; twice is once."""
    key_id, registry = request.match_info["key_id"], request.app[REGISTRY].registry
    if key_id not in registry.revoked:
        _find(request)
        if (written := await administration(request).revoke(key_id)) is not None:
            await seen(request, written)
    return answered({"id": key_id, "object": "api_key.deleted", "deleted": True})


def key_object(key: KeyIssued, registry: Registry, now_ms: float) -> dict[str, Any]:
    """A key as administrators see it."""
    former = registry.former_of(key.id, now_ms).values()
    status = "expired" if has_expired(key, now_ms) else "valid"
    return {
        "id": key.id,
        "object": "api_key",
        "tenant": key.tenant,
        "name": key.name,
        "prefix": key.prefix,
        "status": "revoked" if key.id in registry.revoked else status,
        "scopes": key.scopes,
        "models": key.models or None,
        "limits": limits_object(key.limits),
        "created_at": seconds(key.at_ms),
        "expires_at": seconds(key.expires_ms),
        "former_valid_until": seconds(max(former, default=None)),
    }


def _shown(request: web.Request, key: KeyIssued, more: dict[str, str | None] | None = None) -> web.Response:
    told = key_object(key, request.app[REGISTRY].registry, request.app[CLOCK].now_ms())
    return answered({**told, **(more or {})})


def _told_once(request: web.Request, key: KeyIssued, secrets: dict[str, str]) -> web.Response:
    """The answer with its secrets; what an Idempotency-Key keeps of it is without them."""
    kept = _shown(request, key, dict.fromkeys(secrets)).body
    assert isinstance(kept, bytes)  # noqa: S101 # we made it so
    request[MAKING].keep(kept)
    return _shown(request, key, {**secrets})


def _find(request: web.Request) -> KeyIssued:
    key = request.app[REGISTRY].registry.keys.get(request.match_info["key_id"])
    if key is None:
        raise not_found("There is no such key.")
    return key


def _valid(request: web.Request) -> KeyIssued:
    key = _find(request)
    if key.id in request.app[REGISTRY].registry.revoked:
        raise _revoked()
    return key


def _revoked() -> Problem:
    return conflict("This key was revoked.", "revoked")


def _checked(asked: KeyBody | KeyChangeBody, now_ms: float) -> dict[str, Any]:
    """What is given of a key's terms, limits apart."""
    given = {name: getattr(asked, name) for name in ("name", "scopes", "models")}
    given = {name: value for name, value in given.items() if value is not UNSET}
    bounds.caption("name", given.get("name"), LONGEST_KEY_NAME)
    if given.get("scopes"):
        given["scopes"] = tuple(dict.fromkeys(given["scopes"]))
    if given.get("scopes") == ():
        raise WrongField("scopes is empty: such a key could do nothing.", "scopes")
    if given.get("models") == ():
        raise WrongField("models is empty: such a key could ask nothing; null is all models.", "models")
    models = given.get("models") or ()
    if len(models) > MOST_MODELS or any(not 0 < len(each) <= bounds.LONGEST_NAME for each in models):
        raise WrongField(f"models may hold {MOST_MODELS} names.", "models")
    if "models" in given:
        given["models"] = models
    if asked.expires_at is not UNSET:
        given["expires_ms"] = _expiry_ms(asked.expires_at, now_ms)
    return given


def _expiry_ms(at: int | None, now_ms: float) -> float | None:
    if at is not None and not now_ms / 1000 < at <= bounds.LATEST_MS / 1000:
        raise WrongField("expires_at must be a time to come, in unix seconds.", "expires_at")
    return None if at is None else at * 1000.0
