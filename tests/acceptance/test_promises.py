"""What a customer is promised, seen from outside: a request goes in, and everything that must follow from it does."""

import json
from typing import Any

import aiohttp
import pytest
from kafka import KafkaConsumer, TopicPartition
from standardwebhooks import Webhook

from infra.local.tgi.timed.text import predicted_text
from infra.sse import ServerSentEvent, events
from producers.events import ExampleReady
from producers.log import codec
from producers.log.topics import EXAMPLES
from tests.support.eventually import eventually
from tests.support.receiver import Receiver
from tests.support.whole import Whole

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
pytestmark = pytest.mark.timeout(300)


async def submit(client: aiohttp.ClientSession, text: str, **fields: Any) -> str:
    """Submit a job; its id."""
    body = {"model": MODEL, "input": text, "cache": "bypass", "max_tokens": 12, **fields}
    async with client.post("/v1/jobs", json=body) as reply:
        job = await reply.json()
        assert reply.status == 202, job
        assert reply.headers["Location"] == f"/v1/jobs/{job['id']}"
        return str(job["id"])


async def told(client: aiohttp.ClientSession, job: str) -> list[ServerSentEvent]:
    """Every event of a job up to `done`."""
    seen = []
    async with client.get(f"/v1/jobs/{job}/events") as reply:
        async for event in events(reply.content.iter_any()):
            seen.append(event)
            if event.event == "done":
                return seen
    raise AssertionError("the stream ended without `done`")


async def ended(client: aiohttp.ClientSession, job: str) -> dict[str, Any]:
    """The job object at its end."""
    done: dict[str, Any] = json.loads((await told(client, job))[-1].data)
    return done


def text_of(job: dict[str, Any]) -> str:
    """The answer of a completed job."""
    return str(job["result"]["choices"][0]["message"]["content"])


async def test_an_answer_is_streamed_and_is_the_one_to_this_very_prompt(
    service: Whole, client: aiohttp.ClientSession
) -> None:
    job = await submit(client, "a prompt of its own")

    seen = await told(client, job)

    asked = service.model.generations("a prompt of its own")
    streamed = "".join(json.loads(each.data)["text"] for each in seen if each.event == "token")
    assert [each["max_new_tokens"] for each in asked] == [12]
    assert streamed == predicted_text(asked[0]["inputs"], 12)
    assert text_of(json.loads(seen[-1].data)) == streamed
    numbers = [int(each.id) for each in seen]
    assert numbers == sorted(set(numbers))


async def test_the_webhook_is_signed_and_tells_the_end_of_the_job(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    job = await submit(client, "tell me by webhook", webhook={"url": receiver.url})

    await eventually(lambda: bool(receiver.arrived), what="the webhook")

    arrived = receiver.arrived[0]
    payload = Webhook(service.stack["webhook_secret"]).verify(arrived.body, arrived.headers)
    assert payload["type"] == "job.completed"
    assert payload["data"]["id"] == job


async def test_feedback_on_an_answer_becomes_a_training_example(service: Whole, client: aiohttp.ClientSession) -> None:
    job = await submit(client, "teach me something")
    answer = text_of(await ended(client, job))
    async with client.post(f"/v1/jobs/{job}/feedback", json={"kind": "thumb", "value": "up"}) as reply:
        assert reply.status == 201, await reply.text()

    await eventually(lambda: bool(examples_of(service, job)), what="the example")

    examples = examples_of(service, job)
    assert examples[0].label is True
    assert examples[0].completion == answer
    assert examples[0].prompt[-1].content == "teach me something"


def examples_of(service: Whole, job: str) -> list[ExampleReady]:
    """The examples in the log made of one job."""
    consumer = KafkaConsumer(bootstrap_servers=service.stack["kafka"], enable_auto_commit=False)
    try:
        partitions = [TopicPartition(EXAMPLES.name, number) for number in range(EXAMPLES.partitions)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        found = []
        while any(consumer.position(each) < ends[each] for each in partitions):
            for records in consumer.poll(timeout_ms=100).values():
                found += [codec.decode(EXAMPLES, record.value) for record in records]
        return [each for each in found if each.job_id == job]
    finally:
        consumer.close()


async def test_turns_submitted_without_waiting_run_in_order_and_see_those_before(
    service: Whole, client: aiohttp.ClientSession
) -> None:
    async with client.post("/v1/conversations", json={"title": "a walk"}) as reply:
        conversation = (await reply.json())["id"]
    jobs = [await submit(client, f"turn {number} of the walk", conversation=conversation) for number in range(3)]

    answers = [text_of(await ended(client, job)) for job in jobs]

    last = service.model.generations("turn 2 of the walk")[-1]["inputs"]
    places = [last.index(part) for turn in range(2) for part in (f"turn {turn} of the walk", answers[turn])]
    assert places == sorted(places)
    async with client.get(f"/v1/conversations/{conversation}/items", params={"order": "asc"}) as reply:
        items = (await reply.json())["data"]
    assert len(items) == 6


async def test_a_cancelled_answer_stops_at_the_model_server_and_keeps_what_was_shown(
    service: Whole, client: aiohttp.ClientSession
) -> None:
    service.model.turn(token_ms=1, answer_tokens=500)
    service.model.order("hold", after_tokens=5, contains="never mind")
    job = await submit(client, "never mind", max_tokens=400)
    async with client.get(f"/v1/jobs/{job}/events") as stream:
        await stream.content.readuntil(b"event: token")

    async with client.post(f"/v1/jobs/{job}/cancel") as reply:
        status = reply.status
    done = await ended(client, job)

    asked = service.model.generations("never mind")
    assert status == 202
    assert done["status"] == "cancelled"
    assert 1 <= done["usage"]["completion_tokens"] <= 5
    await eventually(lambda: service.model.generations("never mind")[0]["state"] == "closed")
    assert len(asked) == 1


async def test_the_second_identical_prompt_is_answered_from_the_cache(
    service: Whole, client: aiohttp.ClientSession
) -> None:
    first = await ended(client, await submit(client, "asked twice", cache="use"))

    async def hit() -> bool:
        again = await ended(client, await submit(client, "asked twice", cache="use"))
        assert text_of(again) == text_of(first)
        return bool(again["cache"] == "hit")

    await eventually(hit, what="the cache to know the answer")
    assert first["cache"] == "miss"


@pytest.mark.parametrize("fault", ["cut", "overload", "fail", "garbage"])
async def test_trouble_that_passes_is_tried_again(service: Whole, client: aiohttp.ClientSession, fault: Any) -> None:
    service.model.order(fault, after_tokens=0 if fault == "overload" else 3, times=2, contains=f"passing {fault}")

    done = await ended(client, await submit(client, f"passing {fault}"))

    inputs = service.model.generations(f"passing {fault}")[0]["inputs"]
    assert (done["status"], done["attempt"]) == ("completed", 3)
    assert text_of(done) == predicted_text(inputs, 12)


async def test_trouble_that_stays_ends_in_a_failed_job_and_says_why(
    service: Whole, client: aiohttp.ClientSession
) -> None:
    service.model.order("overload", times=99, contains="always full")

    done = await ended(client, await submit(client, "always full"))

    assert done["status"] == "failed"
    assert set(done["error"]) == {"message", "type", "param", "code"}
    assert done["error"]["type"] == "server_error"
