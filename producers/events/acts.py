"""What is said on `audit`: who did what as an administrator."""

from typing import Literal

import msgspec

from producers.events.base import Event

Act = Literal[
    "key.created", "key.changed", "key.rotated", "key.revoked", "tenant.changed", "letter.redriven", "letter.discarded"
]


class Change(msgspec.Struct, frozen=True):
    """What an administrative act makes of one field, as text."""

    field: str
    before: str
    after: str


class ActRecorded(Event, frozen=True, kw_only=True):
    """Somebody is about to do something as an administrator: recorded first, so that nothing is done unrecorded."""

    act: Act
    target: str
    """The key, tenant or dead letter."""
    tenant: str
    actor: str
    """The key that asks, or the user at the command line."""
    via: Literal["api", "command line"]
    origin: str = ""
    """The client's address, or the machine's name."""
    request_id: str | None = None
    changes: tuple[Change, ...] = ()
    at_ms: float = 0.0
