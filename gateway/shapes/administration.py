"""What administrators are shown: keys, tenants, dead letters, and the record of acts upon them."""

from typing import Any, Literal, NotRequired, TypedDict

from producers.events import Act, Scope
from producers.letters.letter import State
from producers.letters.shown import Redrivable
from producers.log.dead_letters import Reason


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


class OriginShape(TypedDict):
    """Where in the log that stands which could not be processed."""

    topic: str
    partition: int
    offset: int


class RedriveShape(TypedDict):
    """A new job of a letter's prompt."""

    number: int
    job: str
    edited: bool
    by: str
    at: int


class DiscardShape(TypedDict):
    """Why nothing is to become of a letter."""

    note: str
    by: str
    at: int


class LetterShape(TypedDict):
    """A dead letter; whose it is, and what it asked, is told where that is known."""

    id: str
    object: Literal["dead_letter"]
    state: State
    reason: Reason
    error: str
    first_error: str | None
    attempts: int
    job: str | None
    tenant: str | None
    model: str | None
    origin: OriginShape
    buried_at: int
    redrives: list[RedriveShape]
    discarded: DiscardShape | None


class LetterInFullShape(LetterShape):
    """The letter with its prompt, as a body that can be edited and handed in, and the record's bytes."""

    redrivable: Redrivable
    conversation: str | None
    prompt: dict[str, Any] | None
    payload_base64: str


class LetterPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[LetterShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class SweptShape(TypedDict):
    """A letter that was redriven."""

    id: str
    job: str


class NotSweptShape(TypedDict):
    """A letter that is as it was, and why."""

    id: str
    code: str | None
    message: str


class SweepShape(TypedDict):
    """What became of some letters."""

    object: Literal["dead_letter.sweep"]
    redriven: list[SweptShape]
    refused: list[NotSweptShape]
    has_more: bool
    last_id: str | None
