"""SIGKILL of each process in mid-load: nothing is lost, and twice is once."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

import pytest

from infra.sealing import Seal
from producers.access.keys import mint
from producers.events import PromptSubmitted, Webhook
from producers.log.topics import ANSWERS, EXAMPLES, FEEDBACK, JOB_EVENTS, REGISTRY
from producers.settings import WebhookSettings
from tests.faults.views.conftest import SECRET_KEY, Start
from tests.integration.views.conftest import House
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.eventually import eventually
from tests.support.feedback import a_feedback
from tests.support.receiver import a_receiver
from tests.support.stack import RunningPart
from tests.support.topics import read_all

JOBS = 60
KILLS = (20, 40)


async def load(
    prompts: list[PromptSubmitted], part: RunningPart, say: Callable[[PromptSubmitted], Awaitable[None]]
) -> None:
    """Say something of each prompt, killing the process and starting it again twice on the way."""
    for at, prompt in enumerate(prompts):
        if at in KILLS:
            part.kill()
            starting = asyncio.create_task(part.started())
            for each in prompts[at : at + 5]:
                await say(each)
            await starting
        await say(prompt)


@pytest.mark.timeout(300)
async def test_fanout_killed_in_mid_load_shows_every_job_once(house: House, start: Start) -> None:
    publisher, fanout = house.parts.publisher, start("fanout")
    prompts = [a_prompt(f"question {n}") for n in range(JOBS)]
    await fanout.started()

    async def say(prompt: PromptSubmitted) -> None:
        await publisher.submit(prompt)
        await publisher.publish(ANSWERS, prompt.job_id, a_completed(prompt, f"answer to {prompt.job_id}"))

    await load(prompts, fanout, say)

    for prompt in prompts:
        await house.comes_to(prompt.job_id, "completed")
        job = await house.job(prompt.job_id)
        assert job is not None
        assert job.ending is not None
        assert job.ending.text == f"answer to {prompt.job_id}"
    assert not [each async for each in house.scripts.redis.scan_iter(f"{house.scripts.prefix}inflight:*")]


@pytest.mark.timeout(300)
async def test_deliver_killed_in_mid_load_tells_every_job_under_one_id(house: House, start: Start) -> None:
    publisher = house.parts.publisher
    settings = WebhookSettings(allow_loopback=True, timeout_s=1.0, lease_s=11.0)
    deliver = start("deliver", settings)
    key = mint(CLOCK, Seal(SECRET_KEY), tenant="acme", name="test")
    await publisher.publish(REGISTRY, key.event.id, key.event)
    async with a_receiver() as receiver:
        prompts = [a_prompt(webhook=Webhook(receiver.url), key_id=key.event.id) for _ in range(JOBS)]
        await deliver.started()

        async def say(prompt: PromptSubmitted) -> None:
            await publisher.publish(ANSWERS, prompt.job_id, a_completed(prompt))

        await load(prompts, deliver, say)
        await eventually(lambda: len(set(receiver.ids)) == JOBS, within_s=60, what="every webhook")

        ids = defaultdict(set)
        for each in await read_all(house.parts.kafka, JOB_EVENTS):
            ids[each.job_id].add(each.webhook_id)
    assert len(set(receiver.ids)) == JOBS
    assert all(len(each) == 1 for each in ids.values())


@pytest.mark.timeout(300)
async def test_retrain_killed_in_mid_load_makes_one_example_of_every_feedback(house: House, start: Start) -> None:
    publisher, retrain = house.parts.publisher, start("retrain")
    prompts = [a_prompt() for _ in range(JOBS)]
    feedback = {each.job_id: a_feedback(each) for each in prompts}
    await retrain.started()

    async def say(prompt: PromptSubmitted) -> None:
        await publisher.publish(ANSWERS, prompt.job_id, a_completed(prompt))
        await publisher.publish(FEEDBACK, prompt.job_id, feedback[prompt.job_id])

    await load(prompts, retrain, say)

    async def all_there() -> bool:
        found = await read_all(house.parts.kafka, EXAMPLES)
        return {each.feedback_id for each in found} == {each.feedback_id for each in feedback.values()}

    await eventually(all_there, what="every example")
    found = await read_all(house.parts.kafka, EXAMPLES)
    assert len({each.example_id for each in found}) == JOBS
