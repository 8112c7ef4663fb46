"""Who waits for an answer goes first at the embedding server; batches have what is left."""

import asyncio

from gateway.embeddings.turns import Turns


async def test_a_batch_gives_way_to_whoever_waits_but_not_for_ever() -> None:
    patient, hasty = Turns(1, patience_s=60.0), Turns(1, patience_s=0.01)
    order: list[str] = []

    async def aside(turns: Turns) -> None:
        async with turns.aside():
            order.append("batch")

    async with patient.at_once():
        waiting = asyncio.create_task(aside(patient))
        await asyncio.sleep(0.02)
        order.append("call")
    await waiting
    async with hasty.at_once():
        await aside(hasty)
        order.append("call")

    assert order == ["call", "batch", "batch", "call"]


async def test_no_more_requests_of_batches_are_under_way_than_may_be() -> None:
    turns, most = Turns(2), 0
    under_way: set[int] = set()

    async def aside(number: int) -> None:
        nonlocal most
        async with turns.aside():
            under_way.add(number)
            most = max(most, len(under_way))
            await asyncio.sleep(0)
            under_way.discard(number)

    await asyncio.gather(*map(aside, range(9)))

    assert most == 2
