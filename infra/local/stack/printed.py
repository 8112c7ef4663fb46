"""What the stack reads of the commands that it runs: each prints these fields as JSON, and may print more."""

from typing import Any, TypeVar

import msgspec

from infra.errors import CannotStart

Printed = TypeVar("Printed")


class NewKey(msgspec.Struct, frozen=True):
    """Of `headrace keys create --json`."""

    api_key: str
    webhook_secret: str


class ReadPartition(msgspec.Struct, frozen=True):
    """Of each partition in `headrace topics lag --json`: everything before the offset `read` is read by all."""

    topic: str
    partition: int
    read: int


Toured = list[dict[str, Any]]
"""`headrace tour --json`; it is handed on as it is."""


def read(name: str, printed: str, kind: type[Printed]) -> Printed:
    """What was printed, as that type.

    Raises:
        CannotStart: it is something else; `name` says what cannot start for it.
    """
    try:
        return msgspec.json.decode(printed, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CannotStart(name, f"a command of ours printed something else ({error})", advice="report this") from None
