"""A record nobody can process goes to `dead.letters`, with the place it came from; twice does no harm."""

import base64
from typing import Literal

from infra.clock import Clock
from producers.events import Buried
from producers.jobs.positions import Place
from producers.publisher import Publisher
from producers.topics import DEAD_LETTERS


async def bury(
    publisher: Publisher,
    clock: Clock,
    place: Place,
    reason: Literal["undecodable", "poison", "refused", "exhausted"],
    error: str,
    *,
    job_id: str | None = None,
    attempts: int = 0,
    value: bytes = b"",
) -> None:
    """Bury the record at a place; it is in the log when this returns.

    Raises:
        Unavailable: the broker did not acknowledge in time; it may be buried all the same.
    """
    buried = Buried(
        job_id=job_id,
        reason=reason,
        error=error,
        attempts=attempts,
        origin_topic=place.topic,
        origin_partition=place.partition,
        origin_offset=place.offset,
        payload_base64=base64.b64encode(value).decode(),
        at_ms=clock.now_ms(),
    )
    await publisher.publish(DEAD_LETTERS, job_id or f"{place.topic}:{place.partition}:{place.offset}", buried)
