"""Which calls travel together."""

import asyncio
from collections.abc import Sequence

import pytest

from producers.state.coalescing import MOST_BYTES, MOST_CALLS, Coalescing


def weightless(_: int) -> int:
    """What a call weighs where it does not matter."""
    return 0


class Ferry:
    """Carries batches; each is held until it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self._error = error
        self._may_land = asyncio.Event()

    async def carry(self, calls: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(calls))
        await self._may_land.wait()
        if self._error:
            raise self._error
        return [ValueError("odd") if each % 2 else each for each in calls]

    def land(self) -> None:
        self._may_land.set()


async def asked(coalescing: Coalescing[int], *calls: int) -> list["asyncio.Task[int]"]:
    """Calls asked for at the same time, the first of them on their way."""
    tasks = [asyncio.create_task(coalescing.ask(each)) for each in calls]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_calls_of_one_turn_travel_together_and_what_comes_meanwhile_is_the_next_batch() -> None:
    ferry = Ferry()
    coalescing = Coalescing(ferry.carry, weightless)

    tasks = [*await asked(coalescing, 2, 4), *await asked(coalescing, 6), *await asked(coalescing, 8)]
    ferry.land()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert ferry.batches == [[2, 4], [6, 8]]


async def test_a_call_that_failed_fails_alone() -> None:
    ferry = Ferry()
    ferry.land()

    even, odd = await asked(Coalescing(ferry.carry, weightless), 2, 3)

    assert await even == 2
    with pytest.raises(ValueError, match="odd"):
        await odd


async def test_a_lost_batch_takes_those_along_that_wait_behind_it() -> None:
    ferry = Ferry(ConnectionError("gone"))
    coalescing = Coalescing(ferry.carry, weightless)

    tasks = [*await asked(coalescing, 2), *await asked(coalescing, 4)]
    ferry.land()

    assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [ConnectionError] * 2
    assert ferry.batches == [[2]]


async def test_a_batch_is_bounded() -> None:
    ferry = Ferry()
    ferry.land()

    await asyncio.gather(*await asked(Coalescing(ferry.carry, weightless), *range(0, 2 * MOST_CALLS + 2, 2)))

    assert [len(each) for each in ferry.batches] == [MOST_CALLS, 1]


async def test_a_heavy_batch_is_bounded_and_what_is_too_heavy_for_any_travels_alone() -> None:
    ferry = Ferry()
    ferry.land()
    half = MOST_BYTES // 2

    await asyncio.gather(*await asked(Coalescing(ferry.carry, lambda call: call), half, half, 2, 3 * half, 4, 6))

    assert ferry.batches == [[half, half], [2], [3 * half], [4, 6]]


async def test_who_gives_up_takes_nothing_back() -> None:
    ferry = Ferry()
    given_up, other = await asked(Coalescing(ferry.carry, weightless), 2, 4)

    given_up.cancel()
    ferry.land()

    assert await other == 4
    assert ferry.batches == [[2, 4]]
