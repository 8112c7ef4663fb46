"""How a key reads at the command line, for a person and for a script. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from infra.screen import visible
from producers.access.keys import Minted, has_expired
from producers.access.registry import Registry
from producers.administration.limit_options import in_words
from producers.events import KeyIssued


def lines(key: KeyIssued, registry: Registry, now_ms: float) -> Iterator[str]:
    """All of a key for a person, but the key itself."""
    yield f"key          {key.id}, {state(key, registry, now_ms)}"
    yield f"tenant       {key.tenant}"
    yield f"for          {visible(key.name)}"
    yield f"begins with  {key.prefix}…"
    yield f"may          {may_in_words(key)}"
    yield f"limits       {in_words(key.limits)}"
    yield f"issued       {_minute(key.at_ms)}"
    if key.expires_ms is not None:
        yield f"expires      {_minute(key.expires_ms)}"


def state(key: KeyIssued, registry: Registry, now_ms: float) -> str:
    """Whether it is accepted, in a word."""
    if key.id in registry.revoked:
        return "revoked"
    return "expired" if has_expired(key, now_ms) else "valid"


def may_in_words(key: KeyIssued) -> str:
    """What it may do, and with which models."""
    return f"{', '.join(key.scopes)}; {visible(', '.join(key.models)) or 'all models'}"


def plain(key: KeyIssued, registry: Registry) -> dict[str, Any]:
    """All of a key for a script, but the key itself."""
    return {
        "id": key.id,
        "tenant": key.tenant,
        "name": key.name,
        "prefix": key.prefix,
        **may(key),
        "issued_ms": key.at_ms,
        "revoked": key.id in registry.revoked,
    }


def with_secrets(minted: Minted) -> dict[str, Any]:
    """A new key for a script: the only time that it is shown itself."""
    event = minted.event
    return {
        "id": event.id,
        "tenant": event.tenant,
        "name": event.name,
        "api_key": minted.api_key,
        "webhook_secret": minted.webhook_secret,
        **may(event),
    }


def may(key: KeyIssued) -> dict[str, Any]:
    """What it may do, and how much, for a script."""
    terms = {"scopes": key.scopes, "models": key.models or None, "expires_ms": key.expires_ms}
    return {**msgspec.structs.asdict(key.limits), **terms}


def _minute(at_ms: float) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
