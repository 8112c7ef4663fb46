"""What administrators are shown: keys, tenants, and the record of acts upon them."""

from typing import Literal, NotRequired, TypedDict

from producers.events import Act, Scope


class LimitsShape(TypedDict):
    """How much a key or a tenant may do; null: as much as it likes."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    jobs_in_flight: int | None
    queued_jobs: int | None
    tokens_per_day: int | None


class ApiKeyShape(TypedDict):
    """A key; what it is itself is told once, when it is made or rotated."""

    id: str
    object: Literal["api_key"]
    tenant: str
    name: str
    prefix: str
    status: Literal["valid", "expired", "revoked"]
    scopes: list[Scope]
    models: list[str] | None
    limits: LimitsShape
    created_at: int
    expires_at: int | None
    former_valid_until: int | None
    api_key: NotRequired[str | None]
    webhook_secret: NotRequired[str | None]


class ApiKeyDeletedShape(TypedDict):
    """A key that is revoked."""

    id: str
    object: Literal["api_key.deleted"]
    deleted: bool


class ApiKeyPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[ApiKeyShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class TenantShape(TypedDict):
    """Whose keys there are, and what all of them together may do."""

    id: str
    object: Literal["tenant"]
    name: str
    limits: LimitsShape
    changed_at: int


class TenantPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[TenantShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ChangeShape(TypedDict):
    """What an act made of one field."""

    field: str
    before: str
    after: str


class ActShape(TypedDict):
    """Who did what, when, and from where."""

    id: str
    object: Literal["audit.act"]
    act: Act
    target: str
    tenant: str
    actor: str
    via: Literal["api", "command line"]
    origin: str
    request_id: str | None
    changes: list[ChangeShape]
    created_at: int


class ActPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[ActShape]
    first_id: str | None
    last_id: str | None
    has_more: bool
