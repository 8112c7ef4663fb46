"""Lists of ids by tenant and time in Redis, read a page at a time, and what is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from producers.state import walking
from producers.state.scripts import Scripts, asked
from producers.state.walking import GoOn


@dataclass(frozen=True)
class Ids:
    """Which ids are wanted: those after one, so many, in which order, and (a field and its value) only some."""

    after: str | None
    most: int
    newest_first: bool
    only: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class IdPage:
    """Some ids of a list."""

    ids: tuple[str, ...]
    has_more: bool


class Listing:
    """Reads lists; what has expired is taken off them on the way."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def page(
        self, kind: str, plural: str, tenant: str, wanted: Ids, go_on: GoOn = walking.freely
    ) -> IdPage | None:
        """A page of a tenant's, empty at the list's end alone; None where `after` is none of them, and never was.

        Raises:
            Unavailable: Redis does not answer.
        """
        order = "1" if wanted.newest_first else "0"

        async def look(last: str, last_at: str, most: int, most_looked: int) -> list[Any]:
            asked_for = last, last_at, most, most_looked, order, *wanted.only
            told: list[Any] = await self._scripts.run("list_page", f"{plural}:{tenant}", kind, tenant, *asked_for)
            return told

        walked = await walking.walk(self._scripts.walking, look, wanted.most, wanted.after, go_on)
        if walked is None:
            return None
        return IdPage(tuple(each.decode() for each in walked.found), walked.verdict != "end")

    async def homes(self, keys: Sequence[str]) -> list[dict[bytes, bytes]]:
        """What the hashes under these keys hold, in one round trip; of one that is gone meanwhile nothing.

        Raises:
            Unavailable: Redis does not answer.
        """
        pipeline: Any = self._scripts.redis.pipeline(transaction=False)
        for each in keys:
            pipeline.hgetall(each)
        found: list[dict[bytes, bytes]] = await asked(pipeline.execute()) if keys else []
        return found
