"""SIGKILL of a gateway that has handed a dead letter's prompt in, and has not said so: there is one new job."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.events import Redriven
from producers.log.topics import DEAD_LETTERS, prompts
from tests.support.eventually import eventually
from tests.support.gateway_process import AN_HOUR_S, GatewayProcess, a_process
from tests.support.letters import Office, an_office
from tests.support.topics import read_all


@pytest.fixture
async def office(kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[Office]:
    async with an_office(kafka_settings, redis_settings) as opened:
        yield opened


async def test_a_redrive_whose_gateway_dies_is_the_same_job_for_who_redrives_it_again(
    office: Office, tmp_path: Path
) -> None:
    kafka = office.gateway.kafka
    letter_id = await office.bury(office.prompt())
    async with a_process(kafka, office.gateway.redis, tmp_path, AN_HOUR_S, die_after="redriven:1") as process:
        await is_open(office, process)
        with pytest.raises(aiohttp.ClientConnectionError):
            await office.gateway.http.post(
                f"{process.url}/v1/admin/dead_letters/{letter_id}/redrive", headers=office.headers
            )
        await asyncio.wait_for(process.process.wait(), 60)
    left = (await office.get(f"/{letter_id}")).json
    again = (await office.post(f"/{letter_id}/redrive")).json

    assert process.process.returncode == -9
    assert left["state"] == "dead"
    (redrive,) = again["redrives"]
    # Handed in twice where the view had not read the first one yet: it is one job.
    assert {each.job_id for each in await read_all(kafka, prompts("standard"))} == {redrive["job"]}
    (told,) = [each for each in await read_all(kafka, DEAD_LETTERS) if isinstance(each, Redriven)]
    assert told.job_id == redrive["job"]


async def is_open(office: Office, process: GatewayProcess) -> None:
    """Wait until the process knows the administrator's key."""

    async def is_known() -> bool:
        url = f"{process.url}/v1/admin/dead_letters"
        async with office.gateway.http.get(url, headers=office.headers) as response:
            return response.status == 200

    await eventually(is_known, within_s=45, what="the key in the process")
