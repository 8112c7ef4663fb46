"""API keys: minting one, and knowing one again by its hash."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass

import msgspec

from infra.clock import Clock
from infra.ids import new_id
from infra.sealing import Seal
from producers.events import CLIENT_SCOPES, KeyIssued, Limits, Scope

KEY_PREFIX = "sk-headrace-"
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SHOWN_CHARACTERS = len(KEY_PREFIX) + 6
DEFAULT_LIMITS = Limits(requests_per_minute=600, jobs_in_flight=200)


@dataclass(frozen=True)
class Minted:
    """A new key: the only time that its secrets can be seen."""

    event: KeyIssued
    api_key: str
    webhook_secret: str

    def under(self, key_id: str, seal: Seal) -> "Minted":
        """The same under an id that was fixed before.

        The webhook secret follows from the id: should a key be made twice, and the log forget the first record of it
        for the second one, it is still the secret that was told.
        """
        webhook_secret = _webhook_secret(key_id, seal)
        sealed = seal.seal(webhook_secret)
        event = msgspec.structs.replace(self.event, id=key_id, webhook_secret_encrypted=sealed)
        return Minted(event, self.api_key, webhook_secret)


def is_tenant(text: str) -> bool:
    """Whether a tenant may be called so."""
    return _TENANT.fullmatch(text) is not None


def hashed(api_key: str) -> str:
    """What is stored of a key; it has 256 random bits, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(api_key.encode(errors="surrogateescape")).hexdigest()


def secret_key() -> str:
    """A new API key, which nobody has guessed."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def has_expired(key: KeyIssued, now_ms: float) -> bool:
    """Whether its time is over."""
    return key.expires_ms is not None and now_ms >= key.expires_ms


def shown(api_key: str) -> str:
    """What may be shown of a key, so that its owner knows it again."""
    return api_key[:SHOWN_CHARACTERS]


def mint(
    clock: Clock,
    seal: Seal,
    *,
    tenant: str,
    name: str,
    limits: Limits = DEFAULT_LIMITS,
    scopes: tuple[Scope, ...] = CLIENT_SCOPES,
    models: tuple[str, ...] = (),
    expires_ms: float | None = None,
) -> Minted:
    """Make a key and its webhook secret (Standard Webhooks: `whsec_` and 32 bytes in base64)."""
    key_id, api_key = new_id("key", clock), secret_key()
    webhook_secret = _webhook_secret(key_id, seal)
    event = KeyIssued(
        id=key_id,
        tenant=tenant,
        name=name,
        prefix=shown(api_key),
        sha256=hashed(api_key),
        webhook_secret_encrypted=seal.seal(webhook_secret),
        at_ms=clock.now_ms(),
        scopes=scopes,
        models=models,
        expires_ms=expires_ms,
        **msgspec.structs.asdict(limits),
    )
    return Minted(event, api_key, webhook_secret)


def _webhook_secret(key_id: str, seal: Seal) -> str:
    return "whsec_" + base64.b64encode(seal.derive(f"webhook secret of {key_id}")).decode()
