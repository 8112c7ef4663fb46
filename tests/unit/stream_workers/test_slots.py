"""Slots are bounded, and go to the more urgent lane first."""

import asyncio

from producers.events import Lane
from stream_workers.inference.slots import Slots


async def test_no_more_than_the_count_are_busy() -> None:
    slots = Slots(2)
    await slots.take("standard")
    await slots.take("standard")
    third = asyncio.create_task(slots.take("standard"))
    await asyncio.sleep(0)
    assert (slots.busy, third.done()) == (2, False)
    slots.release()
    await third
    assert slots.busy == 2


async def test_a_freed_slot_goes_to_the_most_urgent_lane_then_in_order_of_coming() -> None:
    slots = Slots(1)
    await slots.take("batch")
    order: list[str] = []

    async def wait(name: str, lane: Lane) -> None:
        await slots.take(lane)
        order.append(name)
        slots.release()

    lanes: list[tuple[str, Lane]] = [
        ("b1", "batch"), ("s1", "standard"), ("i1", "interactive"), ("s2", "standard"), ("i2", "interactive"),
    ]  # fmt: skip
    waiting = [asyncio.create_task(wait(name, lane)) for name, lane in lanes]
    await asyncio.sleep(0)
    slots.release()
    await asyncio.gather(*waiting)
    assert order == ["i1", "i2", "s1", "s2", "b1"]


async def test_a_slot_given_to_one_who_was_dropped_goes_on_to_the_next() -> None:
    slots = Slots(1)
    await slots.take("standard")
    dropped = asyncio.create_task(slots.take("standard"))
    patient = asyncio.create_task(slots.take("standard"))
    await asyncio.sleep(0)
    slots.release()
    dropped.cancel()
    await asyncio.wait([dropped])
    await patient
    assert dropped.cancelled()
    assert slots.busy == 1
