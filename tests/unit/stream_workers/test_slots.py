"""Slots are bounded, and go to the more urgent lane first."""

import asyncio

from producers.events import LANES, Lane
from stream_workers.inference.slots import Slots


async def test_no_more_than_the_count_are_busy() -> None:
    slots = Slots(2)
    await slots.take("standard")
    await slots.take("standard")
    third = asyncio.create_task(slots.take("standard"))
    await asyncio.sleep(0)
    assert (slots.busy, third.done()) == (2, False)
    slots.release("standard")
    await third
    assert slots.busy == 2


async def test_a_freed_slot_goes_to_the_most_urgent_lane_then_in_order_of_coming() -> None:
    slots = Slots(1)
    await slots.take("batch")
    order: list[str] = []

    async def wait(name: str, lane: Lane) -> None:
        await slots.take(lane)
        order.append(name)
        slots.release(lane)

    lanes: list[tuple[str, Lane]] = [
        ("b1", "batch"), ("s1", "standard"), ("i1", "interactive"), ("s2", "standard"), ("i2", "interactive"),
    ]  # fmt: skip
    waiting = [asyncio.create_task(wait(name, lane)) for name, lane in lanes]
    await asyncio.sleep(0)
    slots.release("batch")
    await asyncio.gather(*waiting)
    assert order == ["i1", "i2", "s1", "s2", "b1"]


async def test_a_slot_given_to_one_who_was_dropped_goes_on_to_the_next() -> None:
    slots = Slots(1)
    await slots.take("standard")
    dropped = asyncio.create_task(slots.take("standard"))
    patient = asyncio.create_task(slots.take("standard"))
    await asyncio.sleep(0)
    slots.release("standard")
    dropped.cancel()
    await asyncio.wait([dropped])
    await patient
    assert dropped.cancelled()
    assert slots.busy == 1


async def test_the_batch_lane_never_takes_the_last_slots_so_that_whoever_comes_finds_one() -> None:
    slots = Slots(4, most_batch=3)
    batch = [asyncio.create_task(slots.take("batch")) for _ in range(5)]
    await asyncio.sleep(0)

    assert (slots.busy, sum(each.done() for each in batch)) == (3, 3)
    async with asyncio.timeout(1):
        await slots.take("interactive")
    slots.release("interactive")
    await asyncio.sleep(0)
    assert sum(each.done() for each in batch) == 3, "the last slot is not given to the batch lane"
    slots.release("batch")
    await asyncio.sleep(0)
    assert (slots.busy, sum(each.done() for each in batch)) == (3, 4)
    batch[-1].cancel()
    await asyncio.wait([batch[-1]])


async def test_prompts_that_wait_are_served_before_any_of_the_batch_lane() -> None:
    slots = Slots(2, most_batch=1)
    await slots.take("interactive")
    await slots.take("interactive")
    batch, standard = (asyncio.create_task(slots.take(lane)) for lane in LANES[:0:-1])
    await asyncio.sleep(0)

    slots.release("interactive")
    await asyncio.wait([standard])

    assert not batch.done()
    slots.release("standard")
    await batch
    assert slots.busy == 2


async def test_slots_that_are_fewer_now_are_given_again_only_once_there_is_room() -> None:
    slots = Slots(4, most_batch=2)
    for _ in range(4):
        await slots.take("standard")
    slots.resize(2)
    waiting = asyncio.create_task(slots.take("standard"))
    for _ in range(2):
        slots.release("standard")
    await asyncio.sleep(0)
    still_waits = not waiting.done()

    slots.resize(3)
    await waiting

    assert still_waits
    assert (slots.size, slots.busy) == (3, 3)


async def test_the_batch_lane_keeps_its_share_of_slots_that_are_more_or_fewer() -> None:
    slots = Slots(4, most_batch=2)

    slots.resize(0)
    batch = [asyncio.create_task(slots.take("batch")) for _ in range(8)]
    await asyncio.sleep(0)
    none = slots.busy
    slots.resize(8)
    await asyncio.sleep(0)

    assert (none, slots.busy) == (0, 4)
    for each in batch:
        each.cancel()
    await asyncio.wait(batch)
