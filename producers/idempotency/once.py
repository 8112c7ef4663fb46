"""Idempotency-Keys of what is no job: what was answered is kept for a day, and what is made has one id for good."""

from dataclasses import dataclass
from typing import Literal

from producers.events import Idempotency
from producers.state.retention import IDEMPOTENCY_MS
from producers.state.scripts import Scripts
from producers.state.view import PARTITIONS, being_rebuilt

SILENT_MS = 10_000
"""After so long without a word whoever makes the thing is taken for dead; the next one makes it, under the same id."""


@dataclass(frozen=True)
class Answered:
    """The thing was made before: the same answer again.

    The digest tells what the request said, where its fingerprint does not, for it was read in pieces; else it is empty.
    """

    status: int
    body: bytes
    digest: str = ""


@dataclass(frozen=True)
class Running:
    """It is being made by another request."""


@dataclass(frozen=True)
class OtherPayload:
    """The key was used for something else."""


@dataclass(frozen=True)
class Begun:
    """It is ours to make, under the id that follows from `seed`; then one of the words that end it."""

    name: str
    seed: str
    owner: str
    fingerprint: str = ""

    def told(self, digest: str = "") -> Idempotency:
        """What the log is told of it, with what was made."""
        return Idempotency(self.name, self.fingerprint, self.seed, digest)


class Once:
    """Makes things once for each name (whose, where, and the client's key)."""

    def __init__(self, scripts: Scripts, silent_ms: int = SILENT_MS) -> None:
        self._scripts = scripts
        self.silent_ms = silent_ms

    async def begin(self, name: str, fingerprint: str, seed: str) -> Begun | Answered | Running | OtherPayload:
        """Who is to make it; the first `seed` of a name counts, and also names its owner.

        Raises:
            Unavailable: Redis does not answer, or knows only a part of the log so far.
        """
        told = await self._scripts.run(
            "once_begin", name, fingerprint, seed, seed, self.silent_ms, IDEMPOTENCY_MS, PARTITIONS
        )
        match told[0]:
            case b"begun":
                return Begun(name, told[1].decode(), seed, fingerprint)
            case b"rebuilding":
                raise being_rebuilt()
            case b"answered":
                return Answered(int(told[1]), told[2], told[3].decode())
            case b"running":
                return Running()
            case _:
                return OtherPayload()

    async def answered(self, begun: Begun, status: int, body: bytes, digest: str = "") -> None:
        """It was made: this is told from now on to whoever says the same.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self._end(begun, str(status), body, digest)

    async def refused(self, begun: Begun) -> None:
        """Nothing was made: the key is as if it had not been used.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self._end(begun, "none")

    async def broke_off(self, begun: Begun) -> None:
        """Nobody knows whether it was made: whoever comes next makes it, under the same id.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self._end(begun, "unknown")

    async def goes_on(self, begun: Begun) -> None:
        """It is still being made.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self._end(begun, "running")

    async def says(self, begun: Begun, digest: str) -> Literal["ours", "taken over", "other payload"]:
        """What a request says that was read in pieces: from now on its key stands for that alone.

        Raises:
            Unavailable: Redis does not answer.
        """
        match await self._end(begun, "says", digest=digest):
            case 1:
                return "ours"
            case 0:
                return "taken over"
            case _:
                return "other payload"

    async def _end(self, begun: Begun, what: str, body: bytes = b"", digest: str = "") -> int:
        return int(await self._scripts.run("once_end", begun.name, begun.owner, what, body, self.silent_ms, digest))
