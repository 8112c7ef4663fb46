"""Doing a step again while a part we depend on is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from infra.errors import Unavailable

log = logging.getLogger(__name__)

Result = TypeVar("Result")

BACK_OFF_S = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Waits while a part is away; the last one repeats."""


def back_off_s(failures: int) -> float:
    """The wait after so many failures in a row."""
    return BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1]


async def until_back(step: Callable[[], Awaitable[Result]]) -> Result:
    """The step's result, as soon as the part it needs answers; only for steps of which twice is once."""
    failures = 0
    while True:
        try:
            return await step()
        except Unavailable as error:
            failures += 1
            log.warning("done again in %s s: %s", back_off_s(failures), error)
            await asyncio.sleep(back_off_s(failures))
