"""A prompt that killed its workers is buried, redriven once they are well again, and answered."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from producers.jobs.lease import Lease, Leases
from producers.jobs.record import read
from producers.state.retention import Retention
from stream_workers.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.gateway import MODEL
from tests.support.letters import Office, an_office
from tests.support.workers import Workshop

SETTINGS = WorkerSettings(name="w1", lease_s=1.0)


@pytest.fixture
async def office(place: Workshop) -> AsyncIterator[Office]:
    async with an_office(place.kafka, place.redis) as opened:
        yield opened


async def test_a_prompt_that_killed_its_workers_is_redriven_and_answered(place: Workshop, office: Office) -> None:
    old = (await office.gateway.post("/v1/jobs", {"model": MODEL, "input": "The poisonous one."})).json["id"]
    await dies_four_times(office, old)
    fifth = await asyncio.to_thread(place.start, replace(SETTINGS, die_after="claimed:1"), wait=False)
    await eventually(lambda: fifth.process.poll() is not None, within_s=90, what="the fifth death")
    await asyncio.to_thread(place.start, SETTINGS)
    await office.house.comes_to(old, "failed")

    async def buried() -> bool:
        return len((await office.get("?reason=poison")).json["data"]) == 1

    await eventually(buried, within_s=45, what="the letter")
    letter = (await office.get()).json["data"][0]
    shown = (await office.get(f"/{letter['id']}")).json
    redriven = (await office.post(f"/{letter['id']}/redrive")).json
    new = redriven["redrives"][0]["job"]
    await office.house.comes_to(new, "completed")

    assert (letter["job"], letter["attempts"], letter["tenant"]) == (old, 5, office.gateway.tenant)
    assert shown["prompt"]["messages"] == [{"role": "user", "content": "The poisonous one."}]
    assert await office.house.status(old) == "failed"
    assert (await office.gateway.get(f"/v1/jobs/{new}")).json["result"]["choices"][0]["message"]["content"]


async def dies_four_times(office: Office, job_id: str) -> None:
    """Claims of a worker that dies at once."""
    job = await read(office.house.scripts, job_id)
    assert job is not None
    dying = Leases(office.house.scripts, Retention(), "dying", lease_ms=1)
    for number in range(1, 5):

        async def claimed(number: int = number) -> bool:
            lease = await dying.claim(job.prompt, 0)
            return isinstance(lease, Lease) and lease.attempt == number

        await eventually(claimed, what=f"claim {number}")
