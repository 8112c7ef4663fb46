"""What every event is."""

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    """Base of all events; `type` on the wire is the class's name."""


class Idempotency(msgspec.Struct, frozen=True):
    """The Idempotency-Key under which something was made, so that a view made anew knows a repeat.

    Its `name` says where the key counts, `fingerprint` and `digest` what the request said; ids of what it makes follow
    from `seed`.
    """

    name: str
    fingerprint: str
    seed: str
    digest: str = ""


def to_builtins(event: Any) -> dict[str, Any]:
    """The event as plain dicts and lists, as it stands on the wire."""
    plain: dict[str, Any] = msgspec.to_builtins(event)
    return plain
