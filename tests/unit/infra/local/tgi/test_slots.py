"""Places that may change while they are used."""

import asyncio

from infra.local.tgi.slots import Slots


async def holder(slots: Slots, entered: list[int], number: int, leave: asyncio.Event) -> None:
    async with slots:
        entered.append(number)
        await leave.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_wait_are_served_in_order_and_those_who_leave_are_skipped() -> None:
    slots, entered, leave = Slots(1), list[int](), asyncio.Event()
    tasks = [asyncio.create_task(holder(slots, entered, number, leave)) for number in range(4)]
    await settle()
    assert entered == [0]
    tasks[1].cancel()
    leave.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert entered == [0, 2, 3]


async def test_one_who_is_cancelled_with_the_place_in_hand_gives_it_on() -> None:
    slots, entered, leave = Slots(1), list[int](), asyncio.Event()
    first = asyncio.create_task(holder(slots, entered, 0, leave))
    second = asyncio.create_task(holder(slots, entered, 1, leave))
    third = asyncio.create_task(holder(slots, entered, 2, leave))
    await settle()
    first.cancel()
    await asyncio.sleep(0)  # the first has left: the place is the second's, which has not run yet
    second.cancel()
    await settle()
    assert entered == [0, 2]
    leave.set()
    await asyncio.gather(first, second, third, return_exceptions=True)


async def test_more_places_let_more_in_at_once() -> None:
    slots, entered, leave = Slots(1), list[int](), asyncio.Event()
    tasks = [asyncio.create_task(holder(slots, entered, number, leave)) for number in range(5)]
    await settle()
    slots.resize(3)
    await settle()
    assert entered == [0, 1, 2]
    slots.resize(0)
    await settle()
    assert entered == [0, 1, 2, 3, 4]
    leave.set()
    await asyncio.gather(*tasks)


async def test_one_who_is_cancelled_in_the_moment_a_place_is_given_up_leaves_quietly() -> None:
    slots, entered, leave = Slots(1), list[int](), asyncio.Event()
    tasks = [asyncio.create_task(holder(slots, entered, number, leave)) for number in range(3)]
    await settle()
    tasks[0].cancel()
    tasks[1].cancel()
    await settle()
    assert [each.cancelled() for each in tasks[:2]] == [True, True]
    assert entered == [0, 2]
    leave.set()
    await tasks[2]
