"""The other end of the wire: a client for programs, and the commands that are built on it (docs/client.md).

- `headrace`, `blocking`: `AsyncHeadrace`, and the same for programs without an event loop: `Headrace`
- `jobs`, `conversations`: what can be asked of each
- `objects`, `told`, `errors`: what is answered, told in a stream, and raised
- `webhooks`: webhooks verified and read by whoever receives them
- `wire`, `patience`, `following`: one request, how long it is tried again, and a stream over many connections
- `settings`: which gateway, with which key
- `commands`: `headrace submit`, `headrace job` and `headrace tour`
"""

from typing import TYPE_CHECKING

from infra import exports

if TYPE_CHECKING:
    from gateway.client.blocking import Headrace
    from gateway.client.errors import (
        Conflict,
        JobFailed,
        Limited,
        NotFound,
        Overloaded,
        Refused,
        TimedOut,
        WrongKey,
        WrongRequest,
        WrongWebhook,
    )
    from gateway.client.headrace import AsyncHeadrace
    from gateway.client.objects import Conversation, Feedback, Job, Timeline
    from gateway.client.settings import ClientSettings
    from gateway.client.told import DoneTold, Piece, SnapshotTold, StatusTold, TokenTold
    from infra.errors import HeadraceError, Unavailable, WrongField

__all__ = [
    "AsyncHeadrace",
    "ClientSettings",
    "Conflict",
    "Conversation",
    "DoneTold",
    "Feedback",
    "Headrace",
    "HeadraceError",
    "Job",
    "JobFailed",
    "Limited",
    "NotFound",
    "Overloaded",
    "Piece",
    "Refused",
    "SnapshotTold",
    "StatusTold",
    "TimedOut",
    "Timeline",
    "TokenTold",
    "Unavailable",
    "WrongField",
    "WrongKey",
    "WrongRequest",
    "WrongWebhook",
]

_ERRORS = (
    "Conflict", "JobFailed", "Limited", "NotFound", "Overloaded", "Refused", "TimedOut", "WrongKey", "WrongRequest",
    "WrongWebhook",
)  # fmt: skip

__getattr__ = exports.lazily(
    __name__,
    {
        "AsyncHeadrace": "gateway.client.headrace",
        "ClientSettings": "gateway.client.settings",
        "Headrace": "gateway.client.blocking",
        **dict.fromkeys(_ERRORS, "gateway.client.errors"),
        **dict.fromkeys(("Conversation", "Feedback", "Job", "Timeline"), "gateway.client.objects"),
        **dict.fromkeys(("DoneTold", "Piece", "SnapshotTold", "StatusTold", "TokenTold"), "gateway.client.told"),
        **dict.fromkeys(("HeadraceError", "Unavailable", "WrongField"), "infra.errors"),
    },
)
