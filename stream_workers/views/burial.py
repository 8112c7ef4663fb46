"""A record nobody can process goes to `dead.letters`, with the place it came from; twice does no harm."""

from typing import Any

from infra.clock import Clock
from producers.dead_letters import Origin, Reason, dead_letter, job_of, key_of
from producers.jobs.positions import Place
from producers.publisher import Publisher
from producers.topics import DEAD_LETTERS


async def bury(
    publisher: Publisher,
    clock: Clock,
    place: Place,
    reason: Reason,
    error: str,
    *,
    job_id: str | None = None,
    attempts: int = 0,
    value: bytes | None = None,
) -> None:
    """Bury what stands at a place; it is in the log when this returns.

    Raises:
        Unavailable: the broker did not acknowledge in time; it may be buried all the same.
    """
    origin = Origin(place.topic, place.partition, place.offset)
    letter = dead_letter(origin, reason, error, clock.now_ms(), job_id=job_id, attempts=attempts, value=value)
    await publisher.publish(DEAD_LETTERS, key_of(letter), letter)


async def bury_record(
    publisher: Publisher, clock: Clock, place: Place, reason: Reason, error: str, record: Any
) -> None:
    """Bury a record as the client read it, with its bytes and the job that its header or key names.

    Raises:
        Unavailable: the broker did not acknowledge in time; it may be buried all the same.
    """
    job_id = job_of(record.key, record.headers)
    await bury(publisher, clock, place, reason, error, job_id=job_id, value=record.value)
