"""Turns of one conversation that come in at two gateways at once, and a worker that answers them."""

import asyncio
from functools import partial
from typing import Any

from gateway.keys import REGISTRY
from producers.events import AnswerCompleted, Message
from producers.jobs import record
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway, a_gateway
from tests.support.model_servers import ModelServer
from tests.support.workers import Workshop

TURNS = 6


async def test_turns_submitted_at_two_gateways_at_once_run_one_after_the_other_in_the_logs_order(
    place: Workshop, tgi: ModelServer
) -> None:
    """Nobody waits for an answer before the next turn; each model call sees all the turns before it in the log."""
    async with a_gateway(place.kafka, place.redis) as one, a_gateway(place.kafka, place.redis) as two:
        two.app[REGISTRY].registry.apply(one.key.event)
        conversation = (await one.post("/v1/conversations", {})).json["id"]
        key = {"Authorization": f"Bearer {one.key.api_key}"}
        submitted = await asyncio.gather(*(_submit(each, conversation, key) for each in (one, two)))
        await _add(two, conversation, key)
        jobs = {job for each in submitted for job in each}
        for job in jobs:
            await eventually(partial(_has_ended, one, job), within_s=60, what=f"the end of {job}")
        found = [await record.read(one.scripts, job) for job in jobs]
        items = (await one.get(f"/v1/conversations/{conversation}/items?order=asc&limit=100")).json["data"]

    answers = [each.ending for each in found if each is not None and isinstance(each.ending, AnswerCompleted)]
    answers.sort(key=lambda each: len(each.history))
    said: tuple[Message, ...] = ()
    for answer in answers:
        assert answer.history == said
        said += (*answer.prompt.messages, Message("assistant", answer.text))
    order = [each.job_id for each in answers]
    assert len(order) == 2 * TURNS
    for each in submitted:
        assert [job for job in order if job in each] == each, "what one client submitted keeps its order"
    shown = [(each["role"], each["content"][0]["text"]) for each in items]
    assert shown == [*((each.role, each.content) for each in said), ("user", "Thanks.")]


async def _submit(gateway: RunningGateway, conversation: str, key: dict[str, str]) -> list[str]:
    jobs = []
    for number in range(TURNS):
        messages = [{"role": "user", "content": f"Turn {number} at {gateway.url}."}]
        body: dict[str, Any] = {"model": MODEL, "messages": messages, "max_tokens": 4, "conversation": conversation}
        answer = await gateway.post("/v1/jobs", body, **key)
        assert answer.status == 202, answer.content
        jobs.append(answer.json["id"])
    return jobs


async def _add(gateway: RunningGateway, conversation: str, key: dict[str, str]) -> None:
    """Added once all turns are taken, whether they have run or not: it comes after all of them."""
    thanks = {"items": [{"role": "user", "content": "Thanks."}]}
    assert (await gateway.post(f"/v1/conversations/{conversation}/items", thanks, **key)).status == 200


async def _has_ended(gateway: RunningGateway, job_id: str) -> bool:
    found = await record.read(gateway.scripts, job_id)
    return found is not None and found.ended
