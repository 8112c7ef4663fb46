"""Long lists in Redis, looked through in steps of a few milliseconds, between which all others have their turn."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

LOOKED_AT_ONCE = 200
"""How many one script looks at."""
MOST_LOOKED = 20_000
"""How many are looked at for a page that may end before it is full."""

Look = Callable[[str, str, int, int], Awaitable[list[Any]]]
"""Told: the last one looked at and its time, how many are wanted, how many may be looked at.

Its verdict is `page` where there is one more than wanted, `more` where it looked at as many as it may, `end`, or
`unknown`; with it come the last one looked at, its time, and those found.
"""
GoOn = Callable[[bool], Awaitable[bool]]
"""Asked whether to look on, each time that as many were passed over as one look may look at.

Told whether the page may end there; where it may not, who is asked says no by an error.
"""


MOST_BYTES = 4 << 20
"""What one page may weigh together in Redis, but for a first that is heavier alone."""


async def freely(may_end: bool) -> bool:
    """Look on to the end."""
    return True


@dataclass(frozen=True)
class Walked:
    """What was found; the verdict of the last look, and the last one that was looked at."""

    found: list[Any]
    verdict: str
    last: str


@dataclass(frozen=True)
class Page:
    """The ids of a page; `last` is where the next one begins, though it may not be among these."""

    ids: list[str]
    has_more: bool
    last: str | None


async def walk(
    turn: asyncio.Lock, look: Look, most: int, after: str | None, go_on: GoOn = freely, *, may_be_empty: bool = False
) -> Walked | None:
    """So many behind one of a list; None where that is none of it, and never was.

    It finds at least one, if there is any, however many it has to pass over, unless it `may_be_empty`.

    Raises:
        Unavailable: Redis does not answer.
    """
    found = list[Any]()
    looked = passed = 0
    told = await look(after or "", "", most, LOOKED_AT_ONCE)
    while (verdict := told[0].decode()) != "unknown":
        last, last_at = told[1].decode(), told[2].decode()
        found += told[3]
        looked, passed = looked + LOOKED_AT_ONCE, passed + LOOKED_AT_ONCE - len(told[3])
        may_end = may_be_empty or bool(found)
        if verdict != "more" or (may_end and looked >= MOST_LOOKED):
            return Walked(found, verdict, last)
        if passed >= LOOKED_AT_ONCE:
            passed -= LOOKED_AT_ONCE
            if not await go_on(may_end):
                return Walked(found, verdict, last)
        async with turn:
            told = await _and_a_pause(look(last, last_at, most - len(found), LOOKED_AT_ONCE))
    return None


def page_of(walked: Walked) -> Page:
    """What was found, each with its size, as far as it fits into one page."""
    ids, size_bytes = list[str](), 0
    for found, weight in walked.found:
        size_bytes += int(weight)
        if ids and size_bytes > MOST_BYTES:
            break
        ids.append(found.decode())
    is_cut = len(ids) < len(walked.found)
    last = walked.last if walked.verdict == "more" and not is_cut else ids[-1] if ids else ""
    return Page(ids, is_cut or walked.verdict != "end", last or None)


async def _and_a_pause(look: Awaitable[list[Any]]) -> list[Any]:
    """As long a pause as the look took: of all who walk here, Redis hears half of the time at most."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    told = await look
    await asyncio.sleep(loop.time() - began_s)
    return told
