"""Prompts that a trusted service published straight to the log become jobs like any other."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from gateway.client import AsyncHeadrace, NotFound
from gateway.client.settings import ClientSettings
from infra.settings import KafkaSettings, RedisSettings
from producers import PromptPublisher, PublisherSettings, WebhookSettings, WrongField
from tests.support.command import headrace as command
from tests.support.eventually import eventually
from tests.support.receiver import Receiver
from tests.support.whole import Whole

# The whole service starts first.
pytestmark = pytest.mark.timeout(300)

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
OURS: dict[str, Any] = {"tenant": "development", "model": MODEL, "max_tokens": 12}


@pytest.fixture
async def prompts(service: Whole) -> AsyncIterator[PromptPublisher]:
    stack = service.stack
    # A busy machine is no fault of what is tested here.
    kafka = KafkaSettings(bootstrap_servers=stack["kafka"], ack_timeout_s=10.0)
    settings = PublisherSettings(
        kafka, webhooks=WebhookSettings(allow_loopback=True), redis=RedisSettings(url=stack["redis"])
    )
    async with PromptPublisher(settings, service="test") as publisher:
        yield publisher


@pytest.fixture
async def headrace(service: Whole) -> AsyncIterator[AsyncHeadrace]:
    settings = ClientSettings(url=service.stack["gateway_url"], api_key=service.stack["api_key"])
    async with AsyncHeadrace(settings=settings) as client:
        yield client


def key_of(service: Whole, folder: Path) -> str:
    """The id of the development key."""
    kafka = KafkaSettings(bootstrap_servers=service.stack["kafka"])
    listed = command("keys", "list", "--tenant", "development", "--json", settings=(kafka,), folder=folder)
    (key,) = json.loads(listed.stdout)
    return str(key["id"])


async def test_its_webhook_is_signed_under_the_key_that_was_named(
    service: Whole, prompts: PromptPublisher, receiver: Receiver, tmp_path: Path
) -> None:
    receipt = await prompts.submit("Tell me.", **OURS, webhook=receiver.url, key_id=key_of(service, tmp_path))

    await eventually(lambda: bool(receiver.arrived), what="the webhook")

    payload = Webhook(service.stack["webhook_secret"]).verify(receiver.arrived[0].body, receiver.arrived[0].headers)
    assert payload["data"]["id"] == receipt.job_id


async def test_published_twice_and_submitted_once_is_one_job(
    service: Whole, prompts: PromptPublisher, headrace: AsyncHeadrace
) -> None:
    said = {**OURS, "idempotency_key": "one-job"}
    first = await prompts.submit("Only once.", **said)
    second = await prompts.submit("Only once.", **said)
    done = await headrace.jobs.wait(first.job_id, appears_s=60, timeout_s=60)
    del said["tenant"]
    again = await headrace.jobs.submit("Only once.", **said)

    assert first.job_id == second.job_id == again.id == done.id
    assert (again.text, done.attempt) == (done.text, 1)
    assert len(service.model.generations("Only once.")) == 1


async def test_turns_from_both_ways_in_run_in_order_and_nobody_else_may_add_one(
    service: Whole, prompts: PromptPublisher, headrace: AsyncHeadrace
) -> None:
    talk = await headrace.conversations.create("both ways")
    first = await headrace.jobs.submit("The first turn.", conversation=talk.id, lane="interactive", max_tokens=12)
    second = await prompts.submit("The second turn.", **OURS, conversation=talk.id)
    with pytest.raises(WrongField, match="no such conversation"):
        await prompts.submit("Let me see.", tenant="somebody-else", model=MODEL, conversation=talk.id)

    answer = (await headrace.jobs.wait(first.id, timeout_s=60)).text
    await headrace.jobs.wait(second.job_id, appears_s=60, timeout_s=60)

    assert second.topic.endswith("prompts.interactive")
    asked = service.model.generations("The second turn.")[-1]["inputs"]
    assert answer
    assert asked.index("The first turn.") < asked.index(answer) < asked.index("The second turn.")


async def test_it_can_be_cancelled_and_no_other_tenant_sees_it(
    service: Whole, prompts: PromptPublisher, headrace: AsyncHeadrace
) -> None:
    service.model.turn(token_ms=1, answer_tokens=500)
    service.model.order("hold", after_tokens=3, contains="Never mind this.")
    ours = await prompts.submit("Never mind this.", **OURS | {"max_tokens": 400})
    theirs = await prompts.submit("A secret.", tenant="somebody-else", model=MODEL, max_tokens=3)
    async with aclosing(headrace.jobs.events(ours.job_id, appears_s=60)) as events:
        async for event in events:
            if getattr(event, "text", ""):
                break

    await headrace.jobs.cancel(ours.job_id)
    done = await headrace.jobs.wait(ours.job_id, timeout_s=60)

    assert done.status == "cancelled"
    await eventually(lambda: bool(service.model.generations("A secret.")))
    with pytest.raises(NotFound):
        await headrace.jobs.get(theirs.job_id)
