"""The batch lane runs on idle slots only: through a real gateway, log and worker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from producers.jobs import record
from producers.log.topics import prompts
from stream_workers.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.files import a_line, comes_to, show, submit, with_store
from tests.support.gateway import MODEL, RunningGateway, a_gateway
from tests.support.model_servers import ModelServer
from tests.support.scrape import scrape
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.topics import a_raw_producer
from tests.support.workers import Workshop, partition_of, workshop

SLOTS, FOR_BATCH = 2, 1
LINES = 5
UNDECODABLE = 'headrace_dead_letters_total{reason="undecodable"}'


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, kafka: RunningKafka, redis_server: RunningRedis, timed_tgi: ModelServer
) -> Iterator[Workshop]:
    """One worker with a few slots."""
    folder, prefix = tmp_path_factory.mktemp("worker"), a_prefix()
    with workshop(folder, kafka.settings(prefix), redis_server.settings(prefix), timed_tgi.url) as found:
        worker = found.start(WorkerSettings(name="w1", slots=SLOTS, batch_slots=FOR_BATCH))
        yield found
        assert worker.terminate() == 0


@pytest.fixture
async def gateway(shop: Workshop, tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with a_gateway(shop.kafka, shop.redis, parts=with_store(tmp_path)) as running:
        yield running


async def interactive(gateway: RunningGateway, text: str) -> str:
    body = {"model": MODEL, "input": text, "lane": "interactive", "cache": "bypass", "max_tokens": 2}
    accepted = await gateway.post("/v1/jobs", body)
    assert accepted.status == 202
    return str(accepted.json["id"])


async def delivered(shop: Workshop, gateway: RunningGateway, job_id: str) -> None:
    """Wait until the worker has this prompt: what stands behind it in the log, and nobody can read, it has buried."""
    job = await record.read(gateway.scripts, job_id)
    assert job is not None
    worker = shop.workers[0]
    buried = (await scrape(worker.metrics)).get(UNDECODABLE, 0)
    producer = a_raw_producer(shop.kafka)
    topic = f"{shop.kafka.topic_prefix}{prompts('interactive').name}"
    await asyncio.to_thread(producer.send(topic, b"nothing", partition=partition_of(job.prompt)).get, 45)
    await asyncio.to_thread(producer.close)

    async def is_buried() -> bool:
        return (await scrape(worker.metrics)).get(UNDECODABLE, 0) == buried + 1

    await eventually(is_buried, what="the burial of what nobody can read")


async def begun(tgi: ModelServer, contains: str, count: int) -> None:
    """Wait until so many generations with this in their prompts have begun."""

    async def have() -> bool:
        return len(await asyncio.to_thread(tgi.generations, contains)) == count

    await eventually(have, what=f"{count} generations of {contains!r}")


async def all_lines_wait(gateway: RunningGateway, batch_id: str) -> bool:
    waiting = f"{gateway.scripts.prefix}inflight:{gateway.key.event.id}"
    return bool(await gateway.scripts.redis.scard(waiting) == SLOTS + LINES) and (
        (await show(gateway, batch_id))["status"] == "in_progress"
    )


async def test_no_line_of_a_batch_starts_before_nobody_more_urgent_waits(
    shop: Workshop, gateway: RunningGateway, tgi: ModelServer
) -> None:
    tgi.order("hold", times=100, contains="Urgent")
    for number in range(SLOTS):
        await interactive(gateway, f"Urgent, first {number}.")
    await begun(tgi, "Urgent", SLOTS)
    batch_id = await submit(gateway, [a_line(str(n), f"No hurry {n}.") for n in range(LINES)])
    await eventually(lambda: all_lines_wait(gateway, batch_id), what="lines that wait")

    for number in range(SLOTS):  # each comes after all lines, and before them it gets the slot that is freed
        await delivered(shop, gateway, await interactive(gateway, f"Urgent, second {number}."))
        tgi.release(f"first {number}")
        await begun(tgi, "Urgent, second", number + 1)
    assert tgi.generations("No hurry") == []
    assert (await show(gateway, batch_id))["request_counts"]["completed"] == 0

    tgi.release("second")
    ended = await comes_to(gateway, batch_id, "completed")
    assert ended["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}


async def test_a_batch_leaves_a_slot_for_whoever_comes(gateway: RunningGateway, tgi: ModelServer) -> None:
    tgi.order("hold", times=FOR_BATCH, contains="No hurry")
    batch_id = await submit(gateway, [a_line(str(n), f"No hurry at all {n}.") for n in range(LINES)])
    await begun(tgi, "No hurry", FOR_BATCH)

    await interactive(gateway, "Now, please.")
    await begun(tgi, "Now, please", 1)
    assert len(tgi.generations("No hurry")) == FOR_BATCH

    tgi.release("No hurry")
    await comes_to(gateway, batch_id, "completed")
