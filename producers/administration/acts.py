"""Administrative acts: each is recorded before it is done, so that whatever was done is on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from infra.clock import Clock
from producers.access.keys import Minted, hashed, secret_key, shown
from producers.access.registry import Registry, changed
from producers.events import (
    Act,
    ActRecorded,
    Change,
    FormerKey,
    KeyChanged,
    KeyIssued,
    KeyRevoked,
    KeyRotated,
    Limits,
    RegistryEvent,
    TenantDefined,
)
from producers.log.outgoing import Pen, Written
from producers.log.topics import AUDIT, REGISTRY


@dataclass(frozen=True)
class Actor:
    """Who acts, how, and from where."""

    name: str
    via: Literal["api", "command line"]
    origin: str = ""
    request_id: str | None = None


LONGEST_OVERLAP_S: Final = 30 * 86_400
"""For so long a key that was replaced may be accepted still."""


def terms(key: KeyIssued, now_ms: float, given: Mapping[str, Any]) -> KeyChanged:
    """What a key may do from now on: as it is, but for what is given by name, limits among it."""
    limits = msgspec.structs.asdict(key.limits)
    rest = {"name": key.name, "scopes": key.scopes, "models": key.models, "expires_ms": key.expires_ms}
    return KeyChanged(
        id=key.id,
        limits=Limits(**{name: given.get(name, value) for name, value in limits.items()}),
        at_ms=now_ms,
        **{name: given.get(name, value) for name, value in rest.items()},
    )


def tenant_terms(known: TenantDefined | None, tenant: str, now_ms: float, given: Mapping[str, Any]) -> TenantDefined:
    """What a tenant is from now on: as it is, but for what is given by name; a new one is called by its id."""
    before = known or TenantDefined(id=tenant, name=tenant)
    limits = msgspec.structs.asdict(before.limits)
    return TenantDefined(
        id=tenant,
        name=given.get("name", before.name),
        at_ms=now_ms,
        limits=Limits(**{name: given.get(name, value) for name, value in limits.items()}),
    )


class Administration:
    """The acts of one actor; each returns where the log holds it, which a reader of the registry may wait for.

    What a key is and what was made of it later lie under different keys of the compacted topic: nothing that is said of
    a key can bring back one that was revoked. Of two changes at the same time the later one counts.
    """

    def __init__(self, pen: Pen, registry: Registry, clock: Clock, actor: Actor) -> None:
        self._pen = pen
        self._registry = registry
        self._clock = clock
        self._actor = actor

    async def create(self, minted: Minted) -> Written:
        """Issue a key; its tenant is defined by its first one.

        Raises:
            Unavailable: the broker did not acknowledge in time; the key may still appear.
        """
        key = minted.event
        if key.tenant not in self._registry.tenants:
            await self.define(TenantDefined(id=key.tenant, name=key.tenant, at_ms=self._clock.now_ms()))
        return await self._do("key.created", key, key.id, key.tenant, key.id, _changes({}, _terms(key)))

    async def change(self, key: KeyIssued, to: KeyChanged) -> Written:
        """Let a key do this from now on.

        Raises:
            Unavailable: the broker did not acknowledge in time; it may still be done.
        """
        changes = _changes(_terms(key), _terms(changed(key, to)))
        return await self._do("key.changed", to, f"{key.id}/terms", key.tenant, key.id, changes)

    async def rotate(self, key: KeyIssued, overlap_s: float) -> tuple[str, Written]:
        """Give a key another secret, which is shown this once; those before are accepted for so long still.

        Raises:
            Unavailable: the broker did not acknowledge in time; it may still be done.
        """
        api_key, now_ms = secret_key(), self._clock.now_ms()
        until_ms = now_ms + overlap_s * 1000
        before = {**self._registry.former_of(key.id, now_ms), key.sha256: until_ms}
        former = tuple(FormerKey(sha256, min(until_ms, each_ms)) for sha256, each_ms in before.items())
        event = KeyRotated(
            id=key.id,
            prefix=shown(api_key),
            sha256=hashed(api_key),
            former=former if overlap_s else (),
            at_ms=now_ms,
        )
        changes = _changes({"prefix": key.prefix}, {"prefix": event.prefix, "overlap_s": overlap_s})
        return api_key, await self._do("key.rotated", event, f"{key.id}/secret", key.tenant, key.id, changes)

    async def revoke(self, key_id: str) -> Written | None:
        """Take a key back; None where that was done before.

        Raises:
            Unavailable: the broker did not acknowledge in time; it may still be done.
        """
        if key_id in self._registry.revoked:
            return None
        event = KeyRevoked(id=key_id, at_ms=self._clock.now_ms())
        return await self._do("key.revoked", event, key_id, self._registry.keys[key_id].tenant, key_id, ())

    async def define(self, tenant: TenantDefined) -> Written:
        """Say what a tenant is called, and what its keys together may do.

        Raises:
            Unavailable: the broker did not acknowledge in time; it may still be done.
        """
        before = self._registry.tenants.get(tenant.id)
        changes = _changes({} if before is None else _of_tenant(before), _of_tenant(tenant))
        return await self._do("tenant.changed", tenant, tenant.id, tenant.id, tenant.id, changes)

    async def _do(
        self, act: Act, event: RegistryEvent, record_key: str, tenant: str, target: str, changes: Sequence[Change]
    ) -> Written:
        record = recorded(self._actor, act, target, tenant, self._clock.now_ms(), changes)
        await self._pen.publish(AUDIT, target, record)
        return await self._pen.publish(REGISTRY, record_key, event)


def recorded(
    who: Actor, act: Act, target: str, tenant: str, now_ms: float, changes: Sequence[Change] = ()
) -> ActRecorded:
    """The record of an act that somebody is about to do."""
    return ActRecorded(
        act=act,
        target=target,
        tenant=tenant,
        actor=who.name,
        via=who.via,
        origin=who.origin,
        request_id=who.request_id,
        changes=tuple(changes),
        at_ms=now_ms,
    )


def _terms(key: KeyIssued) -> dict[str, Any]:
    told = {"name": key.name, "scopes": key.scopes, "models": key.models or None, "expires_ms": key.expires_ms}
    return told | msgspec.structs.asdict(key.limits)


def _of_tenant(tenant: TenantDefined) -> dict[str, Any]:
    return {"name": tenant.name} | msgspec.structs.asdict(tenant.limits)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[Change, ...]:
    """What differs, as JSON: None stands for what was not said before."""
    return tuple(
        Change(name, _text(before.get(name)), _text(value))
        for name, value in after.items()
        if before.get(name) != value
    )


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a time, of which nobody gave a part of a millisecond
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
