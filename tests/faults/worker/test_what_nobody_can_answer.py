"""Records that are no prompts, and prompts that kill their workers, are buried; the others go on."""

import asyncio
from dataclasses import replace

from infra import kafka
from infra.ids import new_id
from producers.events import AnswerFailed, Buried
from producers.jobs.lease import Lease, Leases
from producers.log.topics import prompts
from producers.state.retention import Retention
from stream_workers.settings import WorkerSettings
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.eventually import eventually
from tests.support.topics import a_raw_producer
from tests.support.workers import Hand, Workshop, dead_letters, partition_of

SETTINGS = WorkerSettings(name="w1", lease_s=1.0)


async def test_an_undecodable_record_is_buried_with_its_origin_and_the_next_prompt_is_answered(place: Workshop) -> None:
    prompt = a_prompt("Is anybody there?")
    partition = partition_of(prompt)
    nonsense = b'{"type": "PromptSubmitted", "job_id": 7, "text": "' + b"x" * (3_500 * 1024) + b'"}'
    job_id = new_id("job", CLOCK)
    offset = await asyncio.to_thread(write_raw, place, partition, nonsense, job_id)
    await asyncio.to_thread(place.start, SETTINGS)
    async with Hand(place) as hand:
        await hand.submit(prompt)
        await hand.all_ended([prompt])

    (buried,) = (await asyncio.to_thread(dead_letters, place.kafka)).events
    assert isinstance(buried, Buried)
    assert (buried.reason, buried.job_id, buried.origin_topic) == ("undecodable", job_id, "prompts.standard")
    assert (buried.origin_partition, buried.origin_offset) == (partition, offset)
    assert "job_id" in buried.error
    assert buried.error.endswith(f"(the first {1 << 20} of {len(nonsense)} bytes are kept)")
    await eventually(lambda: committed_past(place, partition, offset + 1), what="a commit past the record")


async def test_a_prompt_that_kills_its_worker_is_buried_at_its_sixth_claim(place: Workshop) -> None:
    prompt = a_prompt("The poisonous one.")
    async with Hand(place) as hand:
        await hand.submit(prompt)
        dying = Leases(hand.scripts, Retention(), "dying", lease_ms=1)
        for number in range(1, 5):
            await eventually(lambda number=number: claimed(dying, prompt, number))  # type: ignore[misc]
        fifth = await asyncio.to_thread(place.start, replace(SETTINGS, die_after="claimed:1"), wait=False)
        await eventually(lambda: fifth.process.poll() is not None, within_s=90, what="the fifth death")
        await asyncio.to_thread(place.start, SETTINGS)
        await hand.all_ended([prompt])

        ending = (await hand.job(prompt.job_id)).ending
    assert isinstance(ending, AnswerFailed)
    assert (ending.error.code, ending.attempt) == ("poison", 6)
    (buried,) = (await asyncio.to_thread(dead_letters, place.kafka)).events
    assert isinstance(buried, Buried)
    assert (buried.job_id, buried.reason, buried.attempts) == (prompt.job_id, "poison", 5)


async def test_an_ending_that_no_record_holds_ends_as_failed(place: Workshop) -> None:
    prompt = a_prompt("Tell me everything.")
    async with Hand(place) as hand:
        await hand.submit(prompt)
        dying = Leases(hand.scripts, Retention(), "dying", lease_ms=1)
        lease = await dying.claim(prompt, 0)
        await dying.finish(lease, a_completed(prompt, "x" * kafka.MAX_RECORD_BYTES))  # type: ignore[arg-type] # granted
        await asyncio.to_thread(place.start, SETTINGS)
        await hand.all_ended([prompt])

        ending = (await hand.job(prompt.job_id)).ending
    assert isinstance(ending, AnswerFailed)
    assert (ending.error.code, ending.text, ending.prompt) == ("answer_too_large", "", prompt)


async def claimed(leases: Leases, prompt: object, number: int) -> bool:
    found = await leases.claim(prompt, 0)  # type: ignore[arg-type]
    return isinstance(found, Lease) and found.attempt == number


async def committed_past(place: Workshop, partition: int, offset: int) -> bool:
    return (await place.committed()).get(partition, 0) > offset


def write_raw(place: Workshop, partition: int, value: bytes, job_id: str) -> int:
    """Put bytes on the standard lane, as if they were of that job; their offset."""
    producer = a_raw_producer(place.kafka)
    try:
        name = f"{place.kafka.topic_prefix}{prompts('standard').name}"
        headers = [("job_id", job_id.encode())]
        offset: int = producer.send(name, value=value, partition=partition, headers=headers).get(45).offset
        return offset
    finally:
        producer.close()
