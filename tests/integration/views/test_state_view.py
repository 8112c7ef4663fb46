"""The state view follows the log; whatever Redis loses, the log gives back."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

from infra.service import Service
from producers.answers.answer_cache import AnswerCache
from producers.conversations.store import Conversations
from producers.events import (
    Buried,
    Choice,
    ConversationCreated,
    ConversationDeleted,
    ConversationEvent,
    ConversationUpdated,
    ItemsAdded,
    ItemsDeleted,
    Message,
    ResponseDeleted,
    ToolCall,
)
from producers.log.topics import ANSWERS, CONVERSATIONS, DEAD_LETTERS
from producers.log.topics import prompts as prompts_of
from producers.state.retention import Retention
from producers.state.view import is_whole
from stream_workers.views.process import say_ready
from tests.integration.views.conftest import House, following, held_back
from tests.support.builders import CLOCK, a_completed, a_failed, a_prompt
from tests.support.eventually import eventually
from tests.support.talk import said_in, turns_of
from tests.support.topics import a_record, expire, read_all

BATCH = prompts_of("batch")


async def test_prompts_and_answers_become_visible_jobs(house: House) -> None:
    queued, answered = a_prompt(), a_prompt()
    async with following(house.state_view()):
        await house.parts.publisher.submit(queued)
        await house.parts.publisher.submit(answered)
        await house.parts.publisher.publish(ANSWERS, answered.job_id, a_completed(answered))

        await house.comes_to(answered.job_id, "completed")
        await house.comes_to(queued.job_id, "queued")
    cached = await AnswerCache(house.scripts).recall(queued)
    assert cached is not None
    assert cached.text == "Rayleigh scattering."


async def test_the_first_ending_by_offset_wins_and_the_others_are_counted(house: House) -> None:
    prompt = a_prompt()
    publish = house.parts.publisher.publish
    async with following(house.state_view()):
        await publish(ANSWERS, prompt.job_id, a_completed(prompt, "first"))
        await publish(ANSWERS, prompt.job_id, a_completed(prompt, "second"))
        await publish(ANSWERS, prompt.job_id, a_failed(prompt))

        await eventually(lambda: house.metrics.duplicates._value.get() == 2)
    job = await house.job(prompt.job_id)
    assert job is not None
    assert job.ending is not None
    assert (job.status, job.ending.text) == ("completed", "first")


async def test_a_redis_emptied_without_traffic_is_whole_again_from_the_log(house: House) -> None:
    conversation = ConversationCreated(conversation="conv_1", tenant="acme", at_ms=CLOCK.now_ms())
    turns = [a_prompt(f"turn {n}", conversation="conv_1") for n in range(3)]
    conversations = Conversations(house.scripts, Retention())
    async with following(house.state_view()):
        await house.parts.publisher.publish(CONVERSATIONS, "conv_1", conversation)
        for turn in turns:
            await house.parts.publisher.submit(turn)
            await house.parts.publisher.publish(ANSWERS, turn.job_id, a_completed(turn, f"answer to {turn.job_id}"))
        await house.comes_to(turns[-1].job_id, "completed")

        keys = [each async for each in house.scripts.redis.scan_iter(f"{house.scripts.prefix}*")]
        await house.scripts.redis.delete(*keys)
        await eventually(lambda: is_whole(house.scripts), within_s=45)

        for turn in turns:
            assert await house.status(turn.job_id) == "completed"
    history = [Message("x", "")] * 0
    for turn in turns:
        history += [*turn.messages, Message("assistant", f"answer to {turn.job_id}")]
    assert await said_in(conversations, "conv_1") == tuple(history)
    assert await conversations.read("conv_1") is not None
    assert await AnswerCache(house.scripts).recall(turns[0]) is not None


async def test_all_that_a_conversation_holds_survives_an_emptied_redis(house: House) -> None:
    """Title, metadata, turns with calls of tools, what was added and what was deleted; a deleted one stays away."""
    call = ToolCall("call_1", "weather", "{}")
    about: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}
    asked = a_prompt("Rome?", conversation="conv_1")
    result = a_prompt(messages=(Message("tool", "31", tool_call_id="call_1"),), conversation="conv_1")
    answers = (a_completed(asked, "", choices=(Choice("", "tool_calls", (call,)),)), a_completed(result, "Warm."))
    conversations = Conversations(house.scripts, Retention())

    async def say(event: ConversationEvent) -> None:
        await house.parts.publisher.publish(CONVERSATIONS, event.conversation, event)

    async def known() -> Any:
        return await conversations.read("conv_1"), await turns_of(conversations, "conv_1")

    async with following(house.state_view()):
        await say(ConversationCreated(**about, title="Rome", at_ms=CLOCK.now_ms()))
        await say(ConversationCreated(conversation="conv_2", tenant="acme", at_ms=CLOCK.now_ms()))
        await say(ItemsAdded(**about, messages=(Message("system", "Be brief."), Message("user", "Hello."))))
        places = [(await house.parts.publisher.submit(each)).offset for each in (asked, result)]
        for each in answers:
            await house.parts.publisher.publish(ANSWERS, each.job_id, each)
        await say(ItemsAdded(**about, messages=(Message("user", "Thanks."),), after=places[1]))
        await say(ConversationUpdated(**about, title="Roma", metadata={"ticket": "4711"}))
        await house.comes_to(result.job_id, "completed")
        await eventually(lambda: _title_is(conversations, "Roma"), within_s=45)
        hello = [item.id for turn in await turns_of(conversations, "conv_1") for item in turn.items()][1]
        await say(ItemsDeleted(**about, items=(hello,)))
        await say(ConversationDeleted(conversation="conv_2", tenant="acme"))
        await eventually(lambda: _is_deleted(conversations, "conv_2"), within_s=45)
        before = await known()

        await house.scripts.redis.delete(*[k async for k in house.scripts.redis.scan_iter(f"{house.scripts.prefix}*")])
        await eventually(lambda: is_whole(house.scripts), within_s=45)

    history = await said_in(conversations, "conv_1") or ()
    assert [(each.role, each.content, each.tool_calls) for each in history] == [
        ("system", "Be brief.", ()), ("user", "Rome?", ()), ("assistant", "", (call,)), ("tool", "31", ()),
        ("assistant", "Warm.", ()), ("user", "Thanks.", ()),
    ]  # fmt: skip
    assert await known() == before
    assert await _is_deleted(conversations, "conv_2")


async def test_a_deleted_response_stays_forgotten_in_whatever_order_an_emptied_redis_reads_the_log(
    house: House,
) -> None:
    kept, deleted = a_prompt("Keep me."), a_prompt("Forget me.")
    async with following(house.state_view()):
        for each in (kept, deleted):
            await house.parts.publisher.submit(each)
            await house.parts.publisher.publish(ANSWERS, each.job_id, a_completed(each))
            await house.comes_to(each.job_id, "completed")
        event = ResponseDeleted(job_id=deleted.job_id, tenant=deleted.tenant)
        await house.parts.publisher.publish(CONVERSATIONS, deleted.job_id, event)
        await eventually(lambda: _is_forgotten(house, deleted.job_id))

        await house.scripts.redis.delete(*[k async for k in house.scripts.redis.scan_iter(f"{house.scripts.prefix}*")])
        await eventually(lambda: is_whole(house.scripts), within_s=45)

    assert await house.status(kept.job_id) == "completed"
    assert await _is_forgotten(house, deleted.job_id)
    fields = await house.scripts.redis.hgetall(f"{house.scripts.prefix}job:{deleted.job_id}")
    assert "Forget me." not in str(fields)


async def _is_forgotten(house: House, job_id: str) -> bool:
    return await house.job(job_id) is None


async def _title_is(conversations: Conversations, title: str) -> bool:
    found = await conversations.read("conv_1")
    return found is not None and found.title == title


async def _is_deleted(conversations: Conversations, conversation: str) -> bool:
    return await conversations.read(conversation) is None


async def test_a_redis_set_back_to_an_older_snapshot_reads_on_from_there(house: House) -> None:
    before, after = a_prompt(), a_prompt()
    redis = house.scripts.redis
    async with following(house.state_view()):
        await house.parts.publisher.publish(ANSWERS, before.job_id, a_completed(before))
        await house.comes_to(before.job_id, "completed")
        snapshot = {key: await redis.dump(key) async for key in redis.scan_iter(f"{house.scripts.prefix}*")}
        await house.parts.publisher.publish(ANSWERS, after.job_id, a_completed(after))
        await house.comes_to(after.job_id, "completed")

        pipeline: Any = redis.pipeline(transaction=True)
        pipeline.delete(*[each async for each in redis.scan_iter(f"{house.scripts.prefix}*")])
        for key, value in snapshot.items():
            pipeline.restore(key, 0, value)
        await pipeline.execute()

        await house.comes_to(after.job_id, "completed")
        await eventually(lambda: is_whole(house.scripts))


async def test_a_view_whose_records_have_all_expired_has_caught_up_and_is_not_behind(house: House) -> None:
    prompts = [a_prompt(lane="batch", conversation="conv_1") for _ in range(3)]
    *_, last = [await house.parts.publisher.submit(each) for each in prompts]
    await expire(house.parts.kafka, BATCH, last.partition, last.offset + 1)

    async with following(house.state_view()) as view:
        await eventually(lambda: view.caught_up(60_000))
        assert (await view.behind())[BATCH.name] == 0

        late = a_prompt(lane="batch", conversation="conv_1")
        await house.parts.publisher.submit(late)
        await house.comes_to(late.job_id, "queued")
    assert await house.status(prompts[0].job_id) is None


async def test_a_record_that_is_no_event_is_buried_with_its_origin_and_passed_over(house: House) -> None:
    prompt = a_prompt()
    publisher = house.parts.publisher
    async with following(house.state_view()):
        nonsense = {"type": "Nonsense", "text": "x" * (3_500 * 1024)}
        kafka = house.parts.kafka
        record = a_record(kafka, ANSWERS, "x", nonsense, 3)
        written = await publisher.write(replace(record, headers=[("job_id", prompt.job_id.encode())]))
        await publisher.write(a_record(kafka, ANSWERS, prompt.job_id, a_completed(prompt), 3))

        await house.comes_to(prompt.job_id, "completed")
    (buried,) = await read_all(house.parts.kafka, DEAD_LETTERS)
    assert isinstance(buried, Buried)
    assert (buried.reason, buried.origin_topic, buried.origin_partition, buried.origin_offset) == (
        "undecodable", "answers", 3, written.offset,
    )  # fmt: skip
    assert buried.job_id == prompt.job_id


async def test_a_record_that_the_view_cannot_take_is_buried_as_poison_and_those_around_it_are_not(house: House) -> None:
    before, bad, after = (a_prompt(conversation="conv_1") for _ in range(3))
    await house.scripts.redis.set(f"{house.scripts.prefix}job:{bad.job_id}", "no hash")
    for each in (before, bad, after):
        await house.parts.publisher.submit(each)

    async with following(house.state_view()):
        await house.comes_to(after.job_id, "queued")
        assert await house.status(before.job_id) == "queued"
    (buried,) = await read_all(house.parts.kafka, DEAD_LETTERS)
    assert (buried.reason, buried.origin_offset, buried.job_id) == ("poison", 1, bad.job_id)
    assert b"WRONGTYPE" in buried.error.encode()
    assert bad.job_id.encode() in base64.b64decode(buried.payload_base64)


async def test_a_view_that_starts_late_is_not_whole_before_it_has_read_what_there_was(house: House) -> None:
    prompts = [a_prompt(str(n)) for n in range(300)]
    await asyncio.gather(*(house.parts.publisher.submit(each) for each in prompts))

    assert not await is_whole(house.scripts)
    async with following(house.state_view()):
        assert await is_whole(house.scripts)
        assert {await house.status(each.job_id) for each in prompts} == {"queued"}


async def test_a_process_is_ready_when_it_follows_the_log_however_long_it_has_to_read(house: House) -> None:
    await house.parts.publisher.submit(a_prompt())
    async with held_back(house) as (view, go):
        async with asyncio.timeout(45):
            await say_ready(Service("fanout"), view)

        assert not view.whole
        go.set()
        await eventually(lambda: view.whole)


async def test_a_view_whose_member_is_another_one_under_load_stays_whole(house: House) -> None:
    async with following(house.state_view()):
        await eventually(lambda: is_whole(house.scripts), within_s=45)
    unread = a_prompt()
    await house.parts.publisher.submit(unread)
    async with held_back(house) as (view, go):
        await eventually(view.following.is_set, within_s=45)

        assert await is_whole(house.scripts)
        assert not view.caught_up(60_000)
        go.set()
        await house.comes_to(unread.job_id, "queued")
