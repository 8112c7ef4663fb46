"""What is said on `registry`: which tenants and keys there are, and what they may do."""

from typing import Literal

import msgspec

from producers.events.base import Event


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a key or a tenant may do; None: as much as it likes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    jobs_in_flight: int | None = None
    queued_jobs: int | None = None
    """Of the jobs in flight, those that no worker has claimed yet."""
    tokens_per_day: int | None = None
    """In a day of UTC."""


Scope = Literal["jobs", "read", "admin"]
CLIENT_SCOPES: tuple[Scope, ...] = ("jobs", "read")


class TenantDefined(Event, frozen=True, kw_only=True):
    """A tenant exists, and all its keys together have these limits; the last one said of it counts."""

    id: str
    name: str
    at_ms: float = 0.0
    limits: Limits = Limits()


class KeyIssued(Event, frozen=True, kw_only=True):
    """An API key was made; of it only the SHA-256 is kept, and its webhook secret only encrypted."""

    id: str
    tenant: str
    name: str
    prefix: str
    sha256: str
    webhook_secret_encrypted: str
    requests_per_minute: int | None
    jobs_in_flight: int | None
    at_ms: float = 0.0
    scopes: tuple[Scope, ...] = CLIENT_SCOPES
    """What it may do: send prompts and change what is its tenant's, read that, administrate."""
    models: tuple[str, ...] = ()
    """The models it may use; empty: all."""
    expires_ms: float | None = None
    tokens_per_minute: int | None = None
    queued_jobs: int | None = None
    tokens_per_day: int | None = None

    @property
    def limits(self) -> Limits:
        """How much it may do."""
        return Limits(
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            jobs_in_flight=self.jobs_in_flight,
            queued_jobs=self.queued_jobs,
            tokens_per_day=self.tokens_per_day,
        )


class KeyChanged(Event, frozen=True, kw_only=True):
    """What a key may do is another from now on: this, whatever was said before."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    models: tuple[str, ...]
    expires_ms: float | None
    limits: Limits
    at_ms: float = 0.0


class FormerKey(msgspec.Struct, frozen=True):
    """The hash of a key that another one has taken the place of, and until when it is accepted still."""

    sha256: str
    until_ms: float


class KeyRotated(Event, frozen=True, kw_only=True):
    """A key has another secret; those before are accepted for a while."""

    id: str
    prefix: str
    sha256: str
    former: tuple[FormerKey, ...] = ()
    at_ms: float = 0.0


class KeyRevoked(Event, frozen=True, kw_only=True):
    """An API key must no longer be accepted."""

    id: str
    at_ms: float = 0.0


RegistryEvent = TenantDefined | KeyIssued | KeyChanged | KeyRotated | KeyRevoked
