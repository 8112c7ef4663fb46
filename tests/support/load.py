"""Jobs put on the whole service: many at once, and one that is overtaken by all that come after it."""

import asyncio
from functools import partial

import aiohttp
from kafka import KafkaConsumer, TopicPartition

from producers.events import Lane
from producers.log.topics import prompts
from tests.support.eventually import eventually
from tests.support.receiver import Receiver
from tests.support.whole import Whole

JOBS = 60


async def submit_all(
    client: aiohttp.ClientSession, receiver: Receiver, name: str, *, lane: Lane = "standard", count: int = JOBS
) -> list[str]:
    """Submit as a patient client does: again under the same key until there is a 202."""

    async def submit(number: int) -> str:
        body = {
            "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
            "input": f"{name} {number}",
            "lane": lane,
            "cache": "bypass",
            "webhook": {"url": receiver.url},
            "max_tokens": 20,
        }
        headers = {"Idempotency-Key": f"{name}-{number}"}
        while True:
            try:
                async with client.post("/v1/jobs", json=body, headers=headers) as reply:
                    if reply.status == 202:
                        return str((await reply.json())["id"])
                    assert reply.status in {429, 503}, await reply.text()
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)

    return list(await asyncio.gather(*(submit(number) for number in range(count))))


async def some_done(client: aiohttp.ClientSession, jobs: list[str], count: int) -> None:
    """Wait until so many of the jobs have ended: then the others are in flight."""
    ended: set[str] = set()
    while len(ended) < count:
        for job in jobs:
            async with client.get(f"/v1/jobs/{job}") as reply:
                if (await reply.json())["status"] == "completed":
                    ended.add(job)
        await asyncio.sleep(0.05)


async def overtaken(service: Whole, client: aiohttp.ClientSession, receiver: Receiver) -> tuple[str, list[str]]:
    """A job that is still generated when all others are acknowledged and committed, and those others.

    It is one, because Faust's own consumer commits past a lone prompt in work but stops before two in a row; and its
    lane gets so many others that some go to its partition (a tenant has four). Every commit covers all partitions,
    whatever the transport: one that covers a prompt of another lane, submitted when these were done, covers these too,
    as far as they may be committed.
    """
    await asyncio.to_thread(partial(service.model.order, "hold", contains="the overtaken"))
    held = await submit_all(client, receiver, "the overtaken", count=1)
    await eventually(partial(is_held, service, "the overtaken"), what="the held generation")
    others = await submit_all(client, receiver, "overtaking")
    await some_done(client, others, len(others))
    last = await submit_all(client, receiver, "after all", lane="batch", count=1)
    await eventually(partial(asyncio.to_thread, all_committed, service, "batch"), what="the commit")
    return held[0], [*others, *last]


async def is_held(service: Whole, text: str) -> bool:
    """Whether the model server holds the generation of that prompt."""
    seen = await asyncio.to_thread(service.model.generations, text)
    return [each["state"] for each in seen] == ["held"]


def all_committed(service: Whole, lane: Lane) -> bool:
    """Whether the worker has committed all there is in a lane."""
    topic = prompts(lane)
    consumer = KafkaConsumer(bootstrap_servers=service.stack["kafka"], group_id="worker", enable_auto_commit=False)
    try:
        ends = consumer.end_offsets([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        return all((consumer.committed(each) or 0) == end for each, end in ends.items())
    finally:
        consumer.close()
