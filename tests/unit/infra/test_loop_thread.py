"""A loop in a thread of its own, as programs without one use it."""

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from infra.errors import OurFault
from infra.loop_thread import LoopThread

WITHOUT_ROOM = """
import os, resource
from infra.loop_thread import LoopThread

free = os.open(os.devnull, os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))
try:
    LoopThread("test")
except OSError as error:
    print(error.errno)
"""


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    running = LoopThread("test")
    yield running
    running.close()


async def numbers(closed: list[bool], up_to: int = 3) -> AsyncIterator[int]:
    try:
        for each in range(up_to):
            await asyncio.sleep(0)
            yield each
    finally:
        closed.append(True)


async def answered(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_an_answer_and_an_error_come_back_to_the_caller(loop: LoopThread) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    assert loop.run(answered(3)) == 3
    with pytest.raises(ZeroDivisionError):
        loop.run(fails())


def test_many_threads_may_ask_at_once(loop: LoopThread) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda each=each: found.append(loop.run(answered(each)))) for each in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(found) == list(range(20))


def test_items_come_one_by_one_and_who_stops_early_closes_their_source(loop: LoopThread) -> None:
    closed: list[bool] = []
    assert list(loop.iterate(numbers(closed))) == [0, 1, 2]

    items = loop.iterate(numbers(closed))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined] # it is a generator

    assert closed == [True, True]


async def test_it_may_be_asked_where_a_loop_runs_already(loop: LoopThread) -> None:
    assert await asyncio.to_thread(loop.run, answered(1)) == 1


def test_closing_ends_what_still_runs(loop: LoopThread) -> None:
    cancelled = threading.Event()

    tasks: list[asyncio.Task[None]] = []

    async def begins() -> None:
        async def waits() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        tasks.append(asyncio.create_task(waits()))
        await asyncio.sleep(0)

    loop.run(begins())
    loop.close()
    loop.close()

    assert cancelled.is_set()
    with pytest.raises(OurFault):
        loop.run(answered(1))


def test_who_waits_for_an_answer_while_another_thread_closes_is_told_so() -> None:
    running, waits = LoopThread("test"), threading.Event()

    async def for_ever() -> None:
        waits.set()
        await asyncio.Event().wait()

    def closes() -> None:
        waits.wait()
        running.close()

    closing = threading.Thread(target=closes)
    closing.start()
    with pytest.raises(OurFault, match="closed before the answer came"):
        running.run(for_ever())
    closing.join()


def test_nothing_is_begun_once_it_is_closing() -> None:
    closes, let_go = threading.Event(), threading.Event()

    async def closing() -> None:
        closes.set()
        await asyncio.to_thread(let_go.wait)

    running = LoopThread("test", closing)
    closer = threading.Thread(target=running.close)
    closer.start()
    closes.wait()

    with pytest.raises(OurFault):
        running.run(answered(1))
    let_go.set()
    closer.join()


def test_of_many_that_ask_while_it_is_closed_none_waits_for_ever() -> None:
    running, refused = LoopThread("test"), list[OurFault]()

    def asks() -> None:
        try:
            while True:
                running.run(answered(1))
        except OurFault as error:
            refused.append(error)

    threads = [threading.Thread(target=asks, daemon=True) for _ in range(8)]
    for each in threads:
        each.start()
    running.close()
    for each in threads:
        each.join(10)

    assert len(refused) == len(threads)


def test_the_last_that_it_does_is_what_it_was_told_at_the_start() -> None:
    done: list[str] = []

    async def closing() -> None:
        await asyncio.sleep(0)
        done.append("closed")

    running = LoopThread("test", closing)
    running.run(answered(1))
    running.close()

    assert done == ["closed"]


def test_asking_from_its_own_loop_is_refused_instead_of_waiting_for_ever(loop: LoopThread) -> None:
    async def asks() -> int:
        return loop.run(answered(1))

    with pytest.raises(OurFault):
        loop.run(asks())


def test_a_loop_that_nobody_holds_any_more_ends_and_one_that_is_held_does_not() -> None:
    done = threading.Event()

    async def closing() -> None:
        done.set()

    running = LoopThread("test", closing)
    gc.collect()
    assert running.run(answered(1)) == 1
    del running
    gc.collect()

    assert done.wait(10)


def test_where_the_system_has_no_room_for_a_loop_it_says_so_instead_of_waiting_for_ever() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_ROOM], capture_output=True, timeout=30, check=True)

    assert done.stdout == b"24\n"
