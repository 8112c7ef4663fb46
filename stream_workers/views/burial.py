"""A record nobody can process goes to `dead.letters`, with the place it came from; twice does no harm."""

from infra.clock import Clock
from producers.dead_letters import Origin, Reason, dead_letter, key_of
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
    """Bury the record at a place; it is in the log when this returns.

    Raises:
        Unavailable: the broker did not acknowledge in time; it may be buried all the same.
    """
    origin = Origin(place.topic, place.partition, place.offset)
    letter = dead_letter(origin, reason, error, clock.now_ms(), job_id=job_id, attempts=attempts, value=value)
    await publisher.publish(DEAD_LETTERS, key_of(letter), letter)
