"""Step 7b: make a published ending visible, for whoever published it."""

from typing import Literal

import msgspec

from producers.conversations.turns import turn_of
from producers.events import Terminal, status_of
from producers.jobs.record import describe
from producers.log import codec
from producers.state.retention import Retention
from producers.state.scripts import Scripts

Settled = Literal["settled", "late", "again", "duplicate"]
"""`late`: the job had been given up before the log held its prompt; its end was visible already."""


def arguments(ending: Terminal, retention: Retention, published_ms: float) -> tuple[bytes, bytes, bytes]:
    """The ending's bytes, its turn's bytes (empty for none) and the job's description, as the scripts want them."""
    turn = turn_of(ending) if ending.prompt.conversation else ()
    described = describe(ending.prompt, retention, ending, published_ms)
    return codec.encode(ending), msgspec.json.encode(turn) if turn else b"", described


class Settling:
    """Makes endings visible; twice is once, and the first record by offset wins."""

    def __init__(self, scripts: Scripts, retention: Retention) -> None:
        self._scripts = scripts
        self._retention = retention

    async def settle(self, ending: Terminal, partition: int, offset: int, published_ms: float) -> Settled:
        """Make the ending visible that `answers` holds at this place.

        Raises:
            Unavailable: Redis does not answer.
        """
        stored, turn, described = arguments(ending, self._retention, published_ms)
        result: Settled = (
            await self._scripts.run(
                "settle", ending.job_id, status_of(ending), partition, offset, stored, turn, self._retention.tokens_ms,
                described,
            )
        ).decode()  # fmt: skip
        return result
