"""API keys: minting one, and knowing one again by its hash."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass

from infra.clock import Clock
from infra.ids import new_id
from infra.sealing import Seal
from producers.events import KeyIssued

KEY_PREFIX = "sk-headrace-"
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SHOWN_CHARACTERS = len(KEY_PREFIX) + 6
REQUESTS_PER_MINUTE = 600
JOBS_IN_FLIGHT = 200


@dataclass(frozen=True)
class Minted:
    """A new key: the only time that its secrets can be seen."""

    event: KeyIssued
    api_key: str
    webhook_secret: str


def is_tenant(text: str) -> bool:
    """Whether a tenant may be called so."""
    return _TENANT.fullmatch(text) is not None


def hashed(api_key: str) -> str:
    """What is stored of a key; it has 256 random bits, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(api_key.encode(errors="surrogateescape")).hexdigest()


def mint(
    clock: Clock,
    seal: Seal,
    *,
    tenant: str,
    name: str,
    requests_per_minute: int = REQUESTS_PER_MINUTE,
    jobs_in_flight: int = JOBS_IN_FLIGHT,
) -> Minted:
    """Make a key and its webhook secret (Standard Webhooks: `whsec_` and 32 bytes in base64)."""
    api_key = KEY_PREFIX + secrets.token_urlsafe(32)
    webhook_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    event = KeyIssued(
        id=new_id("key", clock),
        tenant=tenant,
        name=name,
        prefix=api_key[:SHOWN_CHARACTERS],
        sha256=hashed(api_key),
        webhook_secret_encrypted=seal.seal(webhook_secret),
        requests_per_minute=requests_per_minute,
        jobs_in_flight=jobs_in_flight,
        at_ms=clock.now_ms(),
    )
    return Minted(event, api_key, webhook_secret)
