"""Waiting for a condition with a deadline, instead of sleeping for luck."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE_S = 0.02


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 45.0, what: str = "the condition"
) -> None:
    """Wait until the condition holds; fails the test when it does not within the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        holds = condition()
        if await holds if isinstance(holds, Awaitable) else holds:
            return
        assert time.monotonic() < deadline, f"{what} did not come true within {within_s} s"
        await asyncio.sleep(_PAUSE_S)


def eventually_sync(condition: Callable[[], bool], *, within_s: float = 45.0, what: str = "the condition") -> None:
    """The same for tests without a loop."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {within_s} s"
        time.sleep(_PAUSE_S)
