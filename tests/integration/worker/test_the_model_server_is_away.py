"""A model server that restarts fails no job: they wait in the queue, where they can be cancelled, and are answered."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.processes.ports import free_ports
from producers.events import AnswerCompleted
from producers.jobs import early
from stream_workers.settings import WorkerSettings
from tests.support.builders import CLOCK, a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.workers import Hand, Workshop, workshop

FEW = WorkerSettings(name="w1", slots=2, lease_s=1.0, retries_s=("0.05", "0.05", "0.05"))


class Door:
    """The way to a model server: while it is shut connections are refused, and shutting it cuts those there are."""

    def __init__(self, behind: int) -> None:
        self.port = free_ports(1)[0]
        self._behind = behind
        self._ways: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._let_through, "127.0.0.1", self.port)

    async def shut(self) -> None:
        self._server.close()
        for each in tuple(self._ways):
            each.transport.abort()
        await eventually(lambda: not self._ways, what="the end of all connections")
        await self._server.wait_closed()

    async def _let_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self._behind)
        ways = {writer, outer}
        self._ways |= ways
        await asyncio.gather(_pass_on(reader, outer), _pass_on(inner, writer))
        self._ways -= ways


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    writer.transport.abort()


@pytest.fixture
def door(tgi: ModelServer) -> Door:
    return Door(tgi.port)


@pytest.fixture
def place(tmp_path: Path, kafka: RunningKafka, redis_server: RunningRedis, door: Door) -> Iterator[Workshop]:
    prefix, url = a_prefix(), f"http://127.0.0.1:{door.port}"
    with workshop(tmp_path, kafka.settings(prefix), redis_server.settings(prefix), url) as found:
        yield found


async def test_jobs_outlive_a_model_server_that_is_away_and_one_that_dies_under_them(
    place: Workshop, door: Door, tgi: ModelServer
) -> None:
    jobs, unwanted, held = [a_prompt() for _ in range(12)], a_prompt(), a_prompt("Held?")
    async with Hand(place) as hand:
        worker = await asyncio.to_thread(place.start, FEW)
        for each in (*jobs, unwanted):
            await hand.submit(each)
        await eventually(lambda: b"jobs wait for the model server" in worker.log.read_bytes(), what="the loss")
        await asyncio.sleep(1.0)  # five times what all retries take
        waiting = {(await hand.job(each.job_id)).status for each in jobs}
        ending = early.cancelled(await hand.job(unwanted.job_id), CLOCK.now_ms())
        stopped = await hand.intake.stop(unwanted.job_id, ending, running_too=True)

        await door.open()
        await hand.all_ended(jobs)
        losses = worker.log.read_bytes().count(b"jobs wait")
        tgi.order("hold", after_tokens=2, contains="Held?")
        await hand.submit(held)
        await eventually(lambda: bool(tgi.generations("Held?")), what="a held answer")
        await door.shut()
        await eventually(lambda: worker.log.read_bytes().count(b"jobs wait") > losses, what="the second loss")
        await door.open()
        await hand.all_ended([held])
        await door.shut()

        assert waiting == {"queued"}
        assert stopped.found == "finishing", "a job that waits is cancelled at once"
        endings = [(await hand.job(each.job_id)).ending for each in (*jobs, held)]
        assert all(isinstance(each, AnswerCompleted) for each in endings)
        assert await hand.shown(held.job_id) == endings[-1].text  # type: ignore[union-attr]
        assert worker.terminate() == 0
