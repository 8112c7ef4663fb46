"""Records that are no event of ours become dead letters."""

import asyncio
import base64
from typing import Any

from analytics.rows import Origin
from producers.events import Buried
from producers.publisher import Publisher
from producers.topics import DEAD_LETTERS

_PAYLOAD_BYTES = 1 << 20
"""Of a record's bytes so many are kept: in base64 and with the rest they must fit in a record again."""


def dead_letter(record: Any, origin: Origin, error: str, at_ms: float) -> Buried:
    """The dead letter of a record of kafka-python."""
    value = record.value or b""
    kept = value[:_PAYLOAD_BYTES]
    cut = f" (the first {len(kept)} of {len(value)} bytes are kept)" if len(kept) < len(value) else ""
    return Buried(
        job_id=record.key.decode(errors="replace") if record.key else None,
        reason="undecodable",
        error=error[:2000] + cut,
        origin_topic=origin.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        payload_base64=base64.b64encode(kept).decode(),
        at_ms=at_ms,
    )


class Gravedigger:
    """Publishes dead letters from a thread, by the publisher that lives on the loop."""

    def __init__(self, publisher: Publisher, loop: asyncio.AbstractEventLoop) -> None:
        self._publisher = publisher
        self._loop = loop

    def bury(self, letter: Buried) -> None:
        """Publish and wait for the broker's acknowledgement.

        Raises:
            Unavailable: it did not come; the letter may be published all the same.
        """
        key = letter.job_id or f"{letter.origin_topic}-{letter.origin_partition}-{letter.origin_offset}"
        asyncio.run_coroutine_threadsafe(self._publisher.publish(DEAD_LETTERS, key, letter), self._loop).result()
