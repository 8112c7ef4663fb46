"""How the jobs of lines stand, as a view that is whole knows them: many in one round trip."""

from collections.abc import Sequence
from typing import Literal

from producers.jobs.record import ENDED
from producers.state import view
from producers.state.scripts import Scripts

Standing = Literal["unknown", "accepting", "under way", "completed", "failed"]


async def look(scripts: Scripts, jobs: Sequence[str]) -> list[Standing]:
    """How each of these jobs stands.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    return [standing_of(*each) for each in await view.fields_of(scripts, jobs, "state", "published")]


def standing_of(state: bytes | None, published: bytes | None) -> Standing:
    """What a job's state means to its batch; one that was given up before the log held it never was."""
    match (state or b"").decode():
        case "" | "aborted" if published is None:
            return "unknown"
        case "accepting":
            return "accepting"
        case "completed":
            return "completed"
        case other:
            return "failed" if other in ENDED else "under way"


async def endings(scripts: Scripts, jobs: Sequence[str]) -> list[bytes | None]:
    """The visible ending of each of these jobs, unread; None where there is none.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    return [
        ending if ending and (state or b"").decode() in ENDED else None
        for state, ending in await view.fields_of(scripts, jobs, "state", "ending")
    ]
