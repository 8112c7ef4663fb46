"""Who waits for a job's end is woken where there is something to look at, and not before."""

import asyncio

import pytest

from gateway.http.problems import Stopping
from gateway.readers.listeners import Waiter
from producers.jobs.live import Entry

LONG_S = 30.0
DONE = Entry(7, "done", "")


async def goes_on_waiting(waiter: Waiter) -> bool:
    """Whether it has found no reason to look yet."""
    waiting = asyncio.create_task(waiter.more(LONG_S))
    for _ in range(5):
        await asyncio.sleep(0)
    return not waiting.done() and waiting.cancel()


async def test_who_waits_for_a_job_of_before_looks_at_it_at_once() -> None:
    waiter = Waiter("job_1")

    assert await waiter.more(LONG_S) == []
    assert await goes_on_waiting(waiter)


async def test_of_a_fresh_job_nothing_can_have_been_missed() -> None:
    waiter = Waiter("job_1", fresh=True)
    waiter.confirm()
    waiter.begun()

    assert await goes_on_waiting(waiter)


async def test_a_subscription_that_is_confirmed_after_the_job_began_may_have_missed_its_end() -> None:
    waiter = Waiter("job_1", fresh=True)
    waiter.begun()
    waiter.confirm()

    assert await waiter.more(LONG_S) == []


async def test_a_subscription_that_is_made_anew_may_have_missed_its_end() -> None:
    waiter = Waiter("job_1", fresh=True)
    for _ in range(2):
        waiter.confirm()

    assert await waiter.more(LONG_S) == []


async def test_the_end_ends_the_wait_and_is_told() -> None:
    waiter = Waiter("job_1", fresh=True)
    waiting = asyncio.create_task(waiter.more(LONG_S))
    await asyncio.sleep(0)
    waiter.announce(DONE)

    assert await waiting == [DONE]


async def test_silence_is_no_error() -> None:
    assert await Waiter("job_1", fresh=True).more(0.0) == []


async def test_who_is_cut_off_is_told_so() -> None:
    waiter = Waiter("job_1", fresh=True)
    waiting = asyncio.create_task(waiter.more(LONG_S))
    await asyncio.sleep(0)
    waiter.cut_off()

    with pytest.raises(Stopping):
        await waiting
