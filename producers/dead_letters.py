"""The dead letter of a record or job that nobody can process, the same whoever buries it."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from infra.ids import is_id
from producers.events import Buried

MOST_PAYLOAD_BYTES = 1 << 20
"""Of a record's bytes so many are kept: in base64 and with the rest they must fit in a record again."""
MOST_ERROR_CHARACTERS = 2000

Reason = Literal["undecodable", "poison", "refused", "exhausted"]


@dataclass(frozen=True)
class Origin:
    """Where in the log stands what is buried; `topic` is without prefix."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """`topic:partition:offset`."""
        return f"{self.topic}:{self.partition}:{self.offset}"


def dead_letter(
    origin: Origin,
    reason: Reason,
    error: str,
    at_ms: float,
    *,
    job_id: str | None = None,
    attempts: int = 0,
    value: bytes | None = None,
) -> Buried:
    """The dead letter; of a `value` that is too long for it the first part is kept, and `error` says so."""
    value = value or b""
    kept = value[:MOST_PAYLOAD_BYTES]
    cut = f" (the first {len(kept)} of {len(value)} bytes are kept)" if len(kept) < len(value) else ""
    return Buried(
        job_id=job_id,
        reason=reason,
        error=error[:MOST_ERROR_CHARACTERS] + cut,
        attempts=attempts,
        origin_topic=origin.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        payload_base64=base64.b64encode(kept).decode(),
        at_ms=at_ms,
    )


def job_of(key: bytes | None, headers: Iterable[tuple[str, bytes]] | None) -> str | None:
    """The job that a record of whatever bytes names in its header or its key; None where neither is a job's id."""
    said = [value for name, value in headers or () if name == "job_id"]
    names = ((each or b"").decode(errors="replace") for each in (*said, key))
    return next((name for name in names if is_id("job", name)), None)


def key_of(letter: Buried) -> str:
    """The key of its record: the job, or the place of a record that tells of none."""
    return letter.job_id or str(Origin(letter.origin_topic, letter.origin_partition, letter.origin_offset))
