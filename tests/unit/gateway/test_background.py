"""Work that outlives its request: what is not urgent begins together, and nothing of it is lost at the end."""

import asyncio

from gateway.background import Background
from tests.support.eventually import eventually


async def test_what_is_not_urgent_begins_in_one_turn() -> None:
    background, turns, turn = Background(), list[int](), 0

    async def work() -> None:
        turns.append(turn)

    for _ in range(3):
        background.start_together("work", work())
        await asyncio.sleep(0)
    assert turns == []

    while not turns:
        turn += 1
        await asyncio.sleep(0.001)

    assert turns == [turns[0]] * 3


async def test_what_was_to_begin_soon_is_begun_and_waited_for_at_the_end() -> None:
    background, done = Background(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        done.set()

    background.start_together("work", work())
    await background.finish(5.0)

    assert done.is_set()


async def test_one_that_fails_takes_no_other_with_it() -> None:
    background, done = Background(), asyncio.Event()

    async def breaks() -> None:
        raise RuntimeError("broken")

    async def works() -> None:
        done.set()

    background.start_together("breaks", breaks())
    background.start_together("works", works())

    await eventually(done.is_set)
    await background.finish(5.0)
