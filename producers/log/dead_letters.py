"""The dead letter of a record or job that nobody can process, the same whoever buries it; twice does no harm."""

import base64
from collections.abc import Iterable
from typing import Any, Literal

from infra.ids import derived_id, is_id
from producers.events import AnswerFailed, Buried, Terminal
from producers.log import codec
from producers.log.outgoing import Pen
from producers.log.places import Place
from producers.log.topics import DEAD_LETTERS

MOST_PAYLOAD_BYTES = 1 << 20
"""Of a record's bytes so many are kept: in base64 and with the rest they must fit in a record again."""
MOST_ERROR_CHARACTERS = 2000

Reason = Literal["undecodable", "poison", "refused", "exhausted"]


def dead_letter(
    origin: Place,
    reason: Reason,
    error: str,
    at_ms: float,
    *,
    job_id: str | None = None,
    attempts: int = 0,
    value: bytes | None = None,
    first_error: str = "",
) -> Buried:
    """The dead letter; of a `value` that is too long for it the first part is kept, and `error` says so."""
    value = value or b""
    kept = value[:MOST_PAYLOAD_BYTES]
    cut = f" (the first {len(kept)} of {len(value)} bytes are kept)" if len(kept) < len(value) else ""
    return Buried(
        job_id=job_id,
        reason=reason,
        error=error[:MOST_ERROR_CHARACTERS] + cut,
        first_error=first_error[:MOST_ERROR_CHARACTERS],
        attempts=attempts,
        origin_topic=origin.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        payload_base64=base64.b64encode(kept).decode(),
        at_ms=at_ms,
    )


def letter_of(record: Any, origin: Place, reason: Reason, error: str, at_ms: float) -> Buried:
    """The dead letter of a record as a client read it, with its bytes and the job that its header or key names."""
    job_id = job_of(record.key, record.headers)
    return dead_letter(origin, reason, error, at_ms, job_id=job_id, value=record.value)


def letter_of_ending(ending: Terminal) -> Buried | None:
    """The dead letter that goes with an ending; None with most. It follows from the ending alone: twice is once."""
    end = ending.dead_end if isinstance(ending, AnswerFailed) else None
    if end is None:
        return None
    return dead_letter(
        Place(end.topic, end.partition, end.offset), end.reason, end.error, ending.timeline.get("finished", 0.0),
        job_id=ending.job_id, attempts=end.attempts, value=codec.encode(ending.prompt), first_error=end.first_error,
    )  # fmt: skip


async def bury(pen: Pen, letter: Buried, traceparent: str | None = None) -> None:
    """Publish a dead letter; it is in the log when this returns.

    Raises:
        Unavailable: the broker did not acknowledge in time; it may be buried all the same.
    """
    await pen.publish(DEAD_LETTERS, key_of(letter), letter, traceparent)


def key_of(letter: Buried) -> str:
    """Under what all is said that concerns a letter, so that it stands in the order in which it was said."""
    return letter.job_id or str(origin_of(letter))


def origin_of(letter: Buried) -> Place:
    """Where in the log that stands which could not be processed."""
    return Place(letter.origin_topic, letter.origin_partition, letter.origin_offset)


def id_of(letter: Buried) -> str:
    """Follows from the origin and the job: the same letter buried twice is once."""
    return derived_id("letter", f"{origin_of(letter)} {letter.job_id or ''}")


def job_of(key: bytes | None, headers: Iterable[tuple[str, bytes]] | None) -> str | None:
    """The job that a record of whatever bytes names in its header or its key; None where neither is a job's id."""
    said = [value for name, value in headers or () if name == "job_id"]
    names = ((each or b"").decode(errors="replace") for each in (*said, key))
    return next((name for name in names if is_id("job", name)), None)
