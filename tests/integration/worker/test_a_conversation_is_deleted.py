"""A conversation that is deleted while its turns wait."""

import asyncio
from functools import partial

from producers.events import AnswerFailed
from producers.jobs import record
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway, a_gateway
from tests.support.model_servers import ModelServer
from tests.support.workers import Workshop


async def test_a_turn_that_waits_fails_instead_of_running_without_its_history(
    place: Workshop, tgi: ModelServer
) -> None:
    tgi.order("hold", after_tokens=1, contains="The first turn")
    async with a_gateway(place.kafka, place.redis) as gateway:
        conversation = (await gateway.post("/v1/conversations", {})).json["id"]
        first = await submitted(gateway, conversation, "The first turn.")
        second = await submitted(gateway, conversation, "The second turn.")
        await eventually(partial(runs, gateway, first), what="the first turn")

        async with gateway.http.delete(f"{gateway.url}/v1/conversations/{conversation}") as deleted:
            assert deleted.status == 200
        await gateway.post(f"/v1/jobs/{first}/cancel", {})
        await eventually(partial(has_ended, gateway, second), what="the end of the second turn")
        job = await record.read(gateway.scripts, second)

    assert job is not None
    assert isinstance(job.ending, AnswerFailed)
    assert job.ending.error.code == "conversation_deleted"
    assert await asyncio.to_thread(tgi.generations, "The second turn") == []


async def submitted(gateway: RunningGateway, conversation: str, words: str) -> str:
    body = {"model": MODEL, "input": words, "conversation": conversation}
    return str((await gateway.post("/v1/jobs", body)).json["id"])


async def runs(gateway: RunningGateway, job_id: str) -> bool:
    found = await record.read(gateway.scripts, job_id)
    return found is not None and found.state == "running"


async def has_ended(gateway: RunningGateway, job_id: str) -> bool:
    found = await record.read(gateway.scripts, job_id)
    return found is not None and found.ended
