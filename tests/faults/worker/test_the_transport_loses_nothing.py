"""Acknowledgements out of order, then SIGKILL: the safe transport loses nothing, and Faust's own does."""

import asyncio
from dataclasses import replace
from functools import partial

from producers.events import PromptSubmitted
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop, partition_of

SETTINGS = WorkerSettings(name="w1", lease_s=1.0)


async def test_a_prompt_in_work_survives_a_kill_though_later_ones_are_acknowledged(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    async with Hand(place) as hand:
        slow = await killed_with_one_in_work(place, hand, timed_tgi, SETTINGS)
        assert partition_of(slow) not in await place.committed()

        await asyncio.to_thread(place.start, SETTINGS)
        await hand.all_ended([slow])


async def test_the_planted_bug_is_seen_fausts_own_transport_loses_the_prompt_in_work(
    place: Workshop, timed_tgi: ModelServer
) -> None:
    stock = replace(SETTINGS, transport="stock")
    async with Hand(place) as hand:
        slow = await killed_with_one_in_work(place, hand, timed_tgi, stock)
        assert (await place.committed())[partition_of(slow)] > 1

        await asyncio.to_thread(place.start, stock)
        later = prompts_beside(slow, same_partition=True)
        await asyncio.gather(*(hand.submit(each) for each in later))
        await hand.all_ended(later)

        assert (await hand.job(slow.job_id)).status == "running"
        assert await asyncio.to_thread(timed_tgi.generations, "slow one") == []


async def killed_with_one_in_work(
    place: Workshop, hand: Hand, tgi: ModelServer, settings: WorkerSettings
) -> PromptSubmitted:
    """The first prompt is still generated when all later ones are acknowledged and committed, and the worker dies."""
    await asyncio.to_thread(partial(tgi.order, "hold", contains="slow one"))
    worker = await asyncio.to_thread(place.start, settings)
    slow = a_prompt("The slow one.")
    await hand.submit(slow)
    await eventually(partial(in_work, tgi), what="the slow one's generation")
    quick = prompts_beside(slow, same_partition=True)
    await asyncio.gather(*(hand.submit(each) for each in quick))
    await hand.all_ended(quick)
    # Every commit covers all partitions, so one that covers these covers (or must not cover) the slow one's, too.
    after = prompts_beside(slow, same_partition=False)
    await asyncio.gather(*(hand.submit(each) for each in after))
    await eventually(partial(committed_beside, place, slow, len(after)), what="the commit")
    await asyncio.to_thread(worker.kill)
    await asyncio.to_thread(tgi.reset)
    return slow


def prompts_beside(slow: PromptSubmitted, *, same_partition: bool) -> list[PromptSubmitted]:
    """A few prompts, all in the slow one's partition or none of them."""
    many = (a_prompt(f"A quick one, {number}.") for number in range(400))
    return [each for each in many if (partition_of(each) == partition_of(slow)) is same_partition][:8]


async def committed_beside(place: Workshop, slow: PromptSubmitted, count: int) -> bool:
    """Whether so many records are committed in other partitions."""
    committed = await place.committed()
    return sum(offset for number, offset in committed.items() if number != partition_of(slow)) == count


async def in_work(tgi: ModelServer) -> bool:
    return await asyncio.to_thread(tgi.generations, "slow one") != []
