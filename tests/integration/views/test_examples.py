"""Answers and feedback on a real log become examples, whichever comes first."""

from collections.abc import Callable

from infra.settings import MAX_RECORD_BYTES
from producers.events import ExampleReady
from producers.log.topics import ANSWERS, DEAD_LETTERS, EXAMPLES, FEEDBACK
from stream_workers.retraining.join import Join
from stream_workers.views.log_view import LogView
from stream_workers.views.process import follower
from tests.integration.views.conftest import House, following
from tests.support.builders import a_completed, a_failed, a_prompt
from tests.support.eventually import eventually
from tests.support.feedback import a_feedback
from tests.support.topics import a_record, read_all


def join(house: House) -> LogView:
    parts = house.parts
    return follower(parts, Join(parts.redis, parts.redis_settings, parts.publisher, parts.metrics))


async def examples(house: House, number: int) -> list[ExampleReady]:
    """So many examples, once they are in the log; one that both of its sides made, read side by side, is one."""
    return await _found(house, number, lambda every: list({each.example_id: each for each in every}.values()))


async def said(house: House, number: int) -> list[ExampleReady]:
    """So many examples, the same one as often as it was said."""
    return await _found(house, number, list)


async def _found(
    house: House, number: int, counted: Callable[[list[ExampleReady]], list[ExampleReady]]
) -> list[ExampleReady]:
    found: list[ExampleReady] = []

    async def are_there() -> bool:
        found[:] = counted(await read_all(house.parts.kafka, EXAMPLES))
        return len(found) >= number

    await eventually(are_there, what=f"{number} examples")
    return found


async def test_the_second_side_to_come_makes_the_example(house: House) -> None:
    publish = house.parts.publisher.publish
    early, late = a_prompt(), a_prompt()
    async with following(join(house)):
        await publish(FEEDBACK, early.job_id, a_feedback(early))
        await publish(ANSWERS, late.job_id, a_completed(late))
        assert await read_all(house.parts.kafka, EXAMPLES) == []
        await publish(ANSWERS, early.job_id, a_completed(early))
        await publish(FEEDBACK, late.job_id, a_feedback(late, "correction", "Better."))
        found = await examples(house, 2)

    assert {each.job_id: each.kind for each in found} == {early.job_id: "thumb", late.job_id: "correction"}
    assert len(found) == 2


async def test_a_preference_waits_for_both_answers(house: House) -> None:
    publish = house.parts.publisher.publish
    served, preferred = a_prompt(), a_prompt()
    async with following(join(house)):
        await publish(FEEDBACK, served.job_id, a_feedback(served, "preference", preferred.job_id))
        await publish(ANSWERS, served.job_id, a_completed(served, "worse"))
        await publish(ANSWERS, preferred.job_id, a_completed(preferred, "better"))
        (example,) = await examples(house, 1)

    assert (example.chosen, example.rejected) == ("better", "worse")


async def test_a_second_ending_and_a_failed_answer_make_no_example(house: House) -> None:
    publish = house.parts.publisher.publish
    failed, twice = a_prompt(), a_prompt()
    async with following(join(house)):
        await publish(ANSWERS, failed.job_id, a_failed(failed))
        await publish(ANSWERS, failed.job_id, a_completed(failed))
        await publish(ANSWERS, twice.job_id, a_completed(twice, "first"))
        await publish(ANSWERS, twice.job_id, a_completed(twice, "second"))
        await publish(FEEDBACK, failed.job_id, a_feedback(failed))
        await publish(FEEDBACK, twice.job_id, a_feedback(twice))
        (example,) = await examples(house, 1)

    assert (example.job_id, example.completion) == (twice.job_id, "first")


async def test_feedback_that_cannot_be_kept_is_buried_and_those_around_it_are_not(house: House) -> None:
    publisher, prompt = house.parts.publisher, a_prompt()
    bad = a_prompt()
    await house.scripts.redis.set(f"{house.scripts.prefix}examples:{bad.job_id}", "no hash")
    await publisher.publish(ANSWERS, prompt.job_id, a_completed(prompt))
    await publisher.write(a_record(house.parts.kafka, FEEDBACK, "x", a_feedback(prompt, "score", 0.5), 0))
    await publisher.write(a_record(house.parts.kafka, FEEDBACK, "x", a_feedback(bad), 0))
    await publisher.write(a_record(house.parts.kafka, FEEDBACK, "x", a_feedback(prompt, "thumb", "up"), 0))

    async with following(join(house)):
        found = await examples(house, 2)
    (buried,) = await read_all(house.parts.kafka, DEAD_LETTERS)

    assert {each.kind for each in found} == {"score", "thumb"}
    assert (buried.reason, buried.origin_topic, buried.origin_offset) == ("poison", "feedback", 1)


async def test_after_redis_was_emptied_the_same_examples_come_again_under_the_same_ids(house: House) -> None:
    publish = house.parts.publisher.publish
    before, after = a_prompt(), a_prompt()
    redis, prefix = house.scripts.redis, house.scripts.prefix
    async with following(join(house)):
        await publish(ANSWERS, before.job_id, a_completed(before))
        await publish(ANSWERS, after.job_id, a_completed(after))
        await publish(FEEDBACK, before.job_id, a_feedback(before))
        await examples(house, 1)

        await redis.delete(*[each async for each in redis.scan_iter(f"{prefix}*")])
        await publish(FEEDBACK, after.job_id, a_feedback(after))
        await said(house, 3)
        found = await examples(house, 2)

    assert sorted(each.job_id for each in found) == sorted([before.job_id, after.job_id])


async def test_an_example_too_large_for_the_log_is_buried_and_those_around_it_are_not(house: House) -> None:
    publish = house.parts.publisher.publish
    long, small = a_prompt(), a_prompt()
    text = "x" * (MAX_RECORD_BYTES * 4 // 10)
    async with following(join(house)):
        await publish(ANSWERS, long.job_id, a_completed(long, text))
        await publish(ANSWERS, small.job_id, a_completed(small))
        for prompt, feedback in (
            (long, a_feedback(long, "correction", text)), (long, a_feedback(long)), (small, a_feedback(small)),
        ):  # fmt: skip
            await house.parts.publisher.write(a_record(house.parts.kafka, FEEDBACK, prompt.job_id, feedback, 0))
        found = await examples(house, 2)
        await publish(FEEDBACK, small.job_id, a_feedback(small, "score", 0.5))
        found = await examples(house, 3)
    (buried,) = await read_all(house.parts.kafka, DEAD_LETTERS)

    assert {(each.job_id, each.kind) for each in found} == {
        (long.job_id, "thumb"), (small.job_id, "thumb"), (small.job_id, "score")
    }  # fmt: skip
    assert (buried.reason, buried.origin_topic, buried.job_id) == ("poison", "feedback", long.job_id)
    assert "too large" in str(buried.error)


async def test_an_answer_whose_example_is_too_large_still_makes_the_others(house: House) -> None:
    publish, prompt = house.parts.publisher.publish, a_prompt()
    text = "x" * (MAX_RECORD_BYTES * 4 // 10)
    async with following(join(house)):
        await publish(FEEDBACK, prompt.job_id, a_feedback(prompt, "correction", text))
        await publish(FEEDBACK, prompt.job_id, a_feedback(prompt))
        await publish(ANSWERS, prompt.job_id, a_completed(prompt, text))
        await publish(FEEDBACK, prompt.job_id, a_feedback(prompt, "score", 0.5))
        found = await examples(house, 2)
    (buried,) = await read_all(house.parts.kafka, DEAD_LETTERS)

    assert {each.kind for each in found} == {"thumb", "score"}
    assert buried.origin_topic == "answers"
