"""The client for programs without an event loop, held to the other one."""

import asyncio
import gc
import inspect
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import Callable
from typing import Any

import pytest

from gateway import client as public
from gateway.client import AsyncHeadrace, Headrace, JobFailed, blocking
from gateway.client.conversations import AsyncConversations, AsyncReports
from gateway.client.jobs import AsyncJobs
from gateway.client.settings import ClientSettings
from infra.errors import OurFault
from tests.support.unruly_gateway import UnrulyGateway, job, served, streams

NOTEBOOK = """
import asyncio, sys
from gateway.client import ClientSettings, Headrace

async def cell():
    with Headrace(settings=ClientSettings(url=sys.argv[1])) as headrace:
        print(headrace.jobs.answer("Why?").text)

asyncio.run(cell())
"""


async def in_a_thread(work: Callable[[Headrace], Any], gateway: UnrulyGateway) -> Any:
    """What a program without a loop gets of that gateway."""

    def program() -> Any:
        with Headrace(settings=ClientSettings(url=gateway.url)) as headrace:
            return work(headrace)

    async with served(gateway):
        return await asyncio.to_thread(program)


@pytest.mark.parametrize(
    ("without", "with_loop"),
    [
        (blocking.Jobs, AsyncJobs),
        (blocking.Conversations, AsyncConversations),
        (blocking.Reports, AsyncReports),
    ],
)
def test_both_clients_have_the_same_calls_and_say_the_same_of_them(without: type, with_loop: type) -> None:
    def calls(kind: type) -> dict[str, tuple[inspect.Signature, str | None]]:
        named = {name: call for name, call in vars(kind).items() if not name.startswith("_")}
        return {name: (inspect.signature(call), inspect.getdoc(call)) for name, call in named.items()}

    assert calls(without) == calls(with_loop)


def test_both_clients_are_made_alike() -> None:
    assert inspect.signature(Headrace) == inspect.signature(AsyncHeadrace)


async def test_a_program_without_a_loop_submits_streams_and_waits() -> None:
    tokens = streams((1, "token", {"text": "Bl"}), (2, "token", {"text": "ue."}), (3, "done", job()))

    def work(headrace: Headrace) -> Any:
        submitted = headrace.jobs.submit("Why?")
        return (
            submitted.id,
            [each.text for each in headrace.jobs.stream(submitted.id)],
            headrace.jobs.answer("So?").text,
        )

    assert await in_a_thread(work, UnrulyGateway(events=[tokens])) == ("job_1", ["Bl", "ue."], "Blue.")


async def test_it_works_where_a_loop_runs_already_as_in_a_notebook() -> None:
    async with served(UnrulyGateway()) as gateway:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", NOTEBOOK, gateway.url, stdout=PIPE)
        out, _ = await asyncio.wait_for(process.communicate(), 60)

    assert (process.returncode, out) == (0, b"Blue.\n")


async def test_an_error_reaches_the_program_and_the_client_goes_on() -> None:
    events = [streams((1, "done", job("aborted"))), streams((2, "done", job()))]

    def work(headrace: Headrace) -> Any:
        with pytest.raises(JobFailed):
            headrace.jobs.answer("Why?")
        return headrace.jobs.answer("Why?").status

    assert await in_a_thread(work, UnrulyGateway(events=events)) == "completed"


async def test_one_client_serves_many_threads() -> None:
    def work(headrace: Headrace) -> Any:
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(headrace.jobs.submit("Why?").id)) for _ in range(16)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return found

    gateway = UnrulyGateway()
    assert await in_a_thread(work, gateway) == ["job_1"] * 16
    assert len({each["Idempotency-Key"] for each in gateway.headers_of("/v1/jobs")}) == 16


async def test_who_leaves_a_stream_early_or_forgets_to_close_leaves_nothing_open() -> None:
    tokens = streams((1, "token", {"text": "Bl"}), stay_open=True)

    def forgetful() -> str:
        headrace = Headrace(settings=ClientSettings(url=gateway.url))
        return next(iter(headrace.jobs.stream("job_1"))).text

    async with served(UnrulyGateway(events=[tokens])) as gateway:
        assert await asyncio.to_thread(forgetful) == "Bl"
        await asyncio.to_thread(gc.collect)


async def test_a_client_lives_as_long_as_any_part_of_it() -> None:
    def jobs() -> blocking.Jobs:
        return Headrace(settings=ClientSettings(url=gateway.url)).jobs

    def program() -> list[str | None]:
        part = jobs()
        gc.collect()
        return [part.answer("Why?").text, Headrace(settings=ClientSettings(url=gateway.url)).jobs.answer("So?").text]

    async with served(UnrulyGateway()) as gateway:
        assert await asyncio.to_thread(program) == ["Blue."] * 2
        await asyncio.to_thread(gc.collect)


async def test_a_closed_client_says_so() -> None:
    def work(headrace: Headrace) -> Any:
        headrace.close()
        headrace.close()
        with pytest.raises(OurFault):
            headrace.jobs.get("job_1")

    await in_a_thread(work, UnrulyGateway())


def test_the_public_names_are_those_it_says() -> None:
    names = set(public.__all__)

    assert {name for name in names if getattr(public, name).__name__ != name} == set()
