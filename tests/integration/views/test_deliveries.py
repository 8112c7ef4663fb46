"""Webhooks on a real log, a real Redis and a receiver that behaves as receivers do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook as Verifier

from infra import signing
from infra.sealing import Seal
from producers.access.keys import Minted, mint
from producers.access.registry import Registry
from producers.events import (
    AnswerCompleted,
    BatchEnded,
    BatchStatus,
    DeliveryAttempted,
    PromptSubmitted,
    Terminal,
    Webhook,
)
from producers.jobs.intake import Intake
from producers.jobs.settling import Settling
from producers.log.topics import ANSWERS, BATCHES, DEAD_LETTERS, JOB_EVENTS
from producers.settings import WebhookSettings
from producers.state import view
from producers.state.positions import Positions
from producers.state.retention import Retention
from stream_workers.views.process import follower
from stream_workers.webhooks import payload
from stream_workers.webhooks.outbound import outbound
from stream_workers.webhooks.schedule import Schedule
from stream_workers.webhooks.sender import Sender, Signers
from tests.integration.views.conftest import House, following
from tests.support.builders import CLOCK, a_completed, a_failed, a_prompt
from tests.support.eventually import eventually
from tests.support.receiver import Receiver, a_receiver
from tests.support.topics import read_all
from tests.support.workers import GENEROUS

SEAL = Seal("s" * 32)
QUICK = WebhookSettings(allow_loopback=True, timeout_s=20.0, lease_s=31.0, schedule_s=("0", "0.05", "0.05"))


@dataclass
class Post:
    """A deliverer's surroundings: the house, a key, a receiver."""

    house: House
    key: Minted
    registry: Registry
    receiver: Receiver

    def prompt(self, **fields: Any) -> PromptSubmitted:
        given: dict[str, Any] = {"webhook": Webhook(self.receiver.url), "key_id": self.key.event.id}
        return a_prompt(**(given | fields))

    async def answer(self, **fields: Any) -> AnswerCompleted:
        answer = a_completed(self.prompt(**fields))
        await self.house.parts.publisher.publish(ANSWERS, answer.job_id, answer)
        return answer

    async def attempts(self) -> list[DeliveryAttempted]:
        return await read_all(self.house.parts.kafka, JOB_EVENTS)


@pytest.fixture
async def post(house: House) -> AsyncIterator[Post]:
    key, registry = mint(CLOCK, SEAL, tenant="acme", name="test"), Registry()
    registry.apply(key.event)
    async with a_receiver() as receiver:
        yield Post(house, key, registry, receiver)


@asynccontextmanager
async def delivering(post: Post, settings: WebhookSettings = QUICK) -> AsyncIterator[Schedule]:
    """A deliverer that follows and sends until the block ends."""
    parts, stopping = post.house.parts, asyncio.Event()
    schedule = Schedule(parts.redis, parts.redis_settings, settings.delays_s)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(outbound(settings.policy, CLOCK, settings.timeout_s, 8))
        signers = Signers(post.registry, SEAL)
        sender = Sender(schedule, signers, client, parts.publisher, CLOCK, settings, post.house.metrics)
        await stack.enter_async_context(following(follower(parts, schedule)))
        sending = asyncio.create_task(sender.run(stopping))
        try:
            yield schedule
        finally:
            stopping.set()
            await sending


async def test_an_answer_is_told_once_and_signed_with_its_keys_secret(post: Post) -> None:
    async with delivering(post):
        answer = await post.answer()
        await eventually(lambda: len(post.receiver.arrived) == 1)
        await eventually(lambda: _settled(post, answer))

    (arrived,) = post.receiver.arrived
    told = Verifier(post.key.webhook_secret).verify(arrived.body, _lower(arrived.headers))
    assert (told["type"], told["data"]["id"]) == ("job.completed", answer.job_id)
    (attempt,) = await post.attempts()
    assert (attempt.outcome, attempt.status, attempt.attempt) == ("delivered", 204, 1)


async def test_a_job_without_a_webhook_and_a_second_ending_tell_nobody(post: Post) -> None:
    publish = post.house.parts.publisher.publish
    async with delivering(post):
        await post.answer(webhook=None)
        first = await post.answer()
        await publish(ANSWERS, first.job_id, a_failed(first.prompt))
        last = await post.answer()
        await eventually(lambda: _settled(post, last))
        await eventually(lambda: _settled(post, first))

    assert len(post.receiver.arrived) == 2


async def test_all_attempts_carry_one_id_and_the_same_bytes(post: Post) -> None:
    post.receiver.orders = [500, "reset"]
    async with delivering(post):
        answer = await post.answer()
        await eventually(lambda: _settled(post, answer))

    assert len(post.receiver.arrived) == 3
    assert len(set(post.receiver.ids)) == 1
    assert len({each.body for each in post.receiver.arrived}) == 1
    assert [each.outcome for each in await post.attempts()] == ["retry", "retry", "delivered"]


async def test_a_receiver_that_never_takes_it_ends_in_the_dead_letters(post: Post) -> None:
    post.receiver.orders = [500] * 3
    async with delivering(post):
        answer = await post.answer()
        await eventually(lambda: _settled(post, answer))

    (buried,) = await read_all(post.house.parts.kafka, DEAD_LETTERS)
    assert (buried.reason, buried.job_id, buried.attempts) == ("exhausted", answer.job_id, 3)
    assert (buried.origin_topic, buried.error) == (
        "answers", f"webhook {post.receiver.ids[0]}: the receiver answered 500",
    )  # fmt: skip


async def test_a_batch_is_told_of_as_a_job_is_and_buried_as_one(post: Post) -> None:
    def ended(batch_id: str, status: BatchStatus = "completed", url: str = post.receiver.url) -> BatchEnded:
        return BatchEnded(
            batch_id=batch_id, tenant="acme", status=status, completed=2, failed=1, output_file_id="file-1",
            key_id=post.key.event.id, webhook=Webhook(url), metadata={"run": "7"},
        )  # fmt: skip

    publish = post.house.parts.publisher.publish
    post.receiver.orders = [500]
    async with delivering(post), a_receiver() as never:
        never.orders = [500] * 3
        told, buried = ended("batch_told"), ended("batch_buried", "failed", never.url)
        await publish(BATCHES, "batch_quiet", msgspec.structs.replace(ended("batch_quiet"), webhook=None))
        await publish(BATCHES, told.batch_id, told)
        await publish(BATCHES, told.batch_id, ended("batch_told", "cancelled"))
        await publish(BATCHES, buried.batch_id, buried)
        for each in (told, buried):
            await eventually(lambda each=each: _settled(post, each))  # type: ignore[misc] # bound at once

    assert len(post.receiver.arrived) == 2, "the first ending counts"
    assert len(set(post.receiver.ids)) == len({each.body for each in post.receiver.arrived}) == 1
    said = Verifier(post.key.webhook_secret).verify(
        post.receiver.arrived[-1].body, _lower(post.receiver.arrived[-1].headers)
    )
    assert (said["type"], said["data"]["id"]) == ("batch.completed", "batch_told")
    (letter,) = await read_all(post.house.parts.kafka, DEAD_LETTERS)
    assert (letter.reason, letter.job_id, letter.origin_topic) == ("exhausted", "batch_buried", "batches")
    assert {each.job_id for each in await post.attempts()} == {"batch_told", "batch_buried"}


async def test_gone_forbidden_and_revoked_are_not_tried_again(post: Post) -> None:
    post.receiver.orders = [410]
    revoked = mint(CLOCK, SEAL, tenant="acme", name="revoked")
    post.registry.apply(revoked.event)
    post.registry.revoked.add(revoked.event.id)
    async with delivering(post):
        answers = [
            await post.answer(),
            await post.answer(webhook=Webhook("https://10.0.0.1/")),
            await post.answer(key_id=revoked.event.id),
        ]
        for each in answers:
            await eventually(lambda each=each: _settled(post, each))  # type: ignore[misc] # bound at once

    outcomes = {each.job_id: each.outcome for each in await post.attempts()}
    assert outcomes == {each.job_id: "refused" for each in answers}
    assert len(post.receiver.arrived) == 1


async def test_the_log_says_where_a_webhook_went_and_why_it_failed_and_no_secret_of_its_url(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.receiver.orders = [500]
    async with delivering(post):
        failing = await post.answer(webhook=Webhook(f"{post.receiver.url}?token=hunter2"))
        forbidden = await post.answer(webhook=Webhook("https://10.0.0.1/in?token=hunter2"))
        for each in (failing, forbidden):
            await eventually(lambda each=each: _settled(post, each))  # type: ignore[misc] # bound at once

    told = {each.job_id: each for each in caplog.records if each.levelname == "WARNING" and hasattr(each, "webhook_id")}  # type: ignore[attr-defined] # an extra
    assert {
        job_id: (vars(each)["host"], each.getMessage(), vars(each)["attempt"]) for job_id, each in told.items()
    } == {
        failing.job_id: (f"127.0.0.1:{post.receiver.port}", "webhook retry: the receiver answered 500", 1),
        forbidden.job_id: ("10.0.0.1:443", "webhook refused: 10.0.0.1 is not a public address", 1),
    }
    assert not any("hunter2" in str(vars(each)) for each in caplog.records)


async def test_a_receiver_that_lies_about_the_time_has_taken_it_all_the_same(post: Post) -> None:
    post.receiver.orders = [(200, {"retry-after": "Mon, 01 Jan 2020 00:00:00 +99999999999999999999"})]
    async with delivering(post):
        answer = await post.answer()
        await eventually(lambda: _settled(post, answer))

    assert [each.outcome for each in await post.attempts()] == ["delivered"]
    assert len(post.receiver.arrived) == 1


async def test_a_secret_sealed_under_another_key_counts_and_is_given_up(post: Post) -> None:
    foreign = mint(CLOCK, Seal("t" * 32), tenant="acme", name="of another installation")
    post.registry.apply(foreign.event)
    async with delivering(post):
        answer = await post.answer(key_id=foreign.event.id)
        await eventually(lambda: _settled(post, answer))

    assert [each.outcome for each in await post.attempts()] == ["retry", "retry", "exhausted"]
    (buried,) = await read_all(post.house.parts.kafka, DEAD_LETTERS)
    assert "sealed under another HEADRACE_SECRET_KEY" in str(buried.error)


async def test_an_error_that_nobody_planned_counts_and_is_given_up(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> dict[str, str]:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(signing, "headers", broken)
    async with delivering(post):
        answer = await post.answer()
        await eventually(lambda: _settled(post, answer))

    attempts = await post.attempts()
    assert [each.outcome for each in attempts] == ["retry", "retry", "exhausted"]
    assert attempts[0].error == "the attempt broke off: ZeroDivisionError"


async def test_a_lost_schedule_is_rebuilt_and_what_was_delivered_is_not_sent_again(post: Post) -> None:
    slow = WebhookSettings(allow_loopback=True, timeout_s=20.0, lease_s=31.0, schedule_s=("0", "2", "2"))
    async with delivering(post, slow):
        delivered = await post.answer()
        await eventually(lambda: _settled(post, delivered))
        post.receiver.orders = [500]
        waiting = await post.answer()
        await eventually(lambda: _attempts_in_redis(post, waiting, 1))

        redis, prefix = post.house.scripts.redis, post.house.scripts.prefix
        await redis.delete(*[each async for each in redis.scan_iter(f"{prefix}*")])
        await eventually(lambda: _settled(post, waiting), within_s=45)

    assert len(post.receiver.arrived) == 3
    assert post.receiver.ids[1] == post.receiver.ids[2] != post.receiver.ids[0]


async def test_nobody_is_told_of_an_end_that_cannot_be_asked_for_yet(post: Post) -> None:
    scripts, publish = post.house.scripts, post.house.parts.publisher.publish
    prompt = post.prompt()
    for topic in view.TOPICS:
        for partition in range(topic.partitions):
            await Positions(scripts, view.NAME).mark_whole(topic.name, partition, is_whole=True)
    await Intake(scripts, Retention()).accept(prompt, GENEROUS)
    early = a_completed(prompt)
    async with delivering(post):
        written = await publish(ANSWERS, early.job_id, early)
        await eventually(lambda: _planned(post, early))
        other = await post.answer()
        await eventually(lambda: _settled(post, other))
        assert len(post.receiver.arrived) == 1

        await Settling(scripts, Retention()).settle(early, written.partition, written.offset, CLOCK.now_ms())
        await eventually(lambda: _settled(post, early))

    assert len(post.receiver.arrived) == 2


async def test_nothing_is_claimed_before_the_schedule_is_whole(post: Post) -> None:
    async with delivering(post) as schedule:
        await schedule.positions.mark_whole("answers", 0, is_whole=False)
        assert await schedule.claim(8, 8, 11.0, {}) == []


async def test_a_delivery_under_lease_is_not_lent_twice_and_a_slow_host_has_its_share_only(post: Post) -> None:
    idle = WebhookSettings(allow_loopback=True, at_once=0, lease_s=30.0)
    async with delivering(post, idle) as schedule:
        answers = [await post.answer() for _ in range(4)]
        other = await post.answer(webhook=Webhook("https://elsewhere.example/"))
        for each in (*answers, other):
            await eventually(lambda each=each: _planned(post, each))  # type: ignore[misc] # bound at once

        first = await schedule.claim(8, 2, 30.0, {})
        again = await schedule.claim(8, 2, 30.0, {f"127.0.0.1:{post.receiver.port}": 2, "elsewhere.example:443": 1})

    assert sorted(each.url for each in first) == sorted([post.receiver.url] * 2 + ["https://elsewhere.example/"])
    assert again == []


async def test_a_slow_receiver_does_not_hold_up_the_others(post: Post) -> None:
    settings = WebhookSettings(
        allow_loopback=True, timeout_s=120.0, lease_s=131.0, at_once_per_host=2, at_once=4, schedule_s=("0", "9")
    )
    async with a_receiver() as slow, delivering(post, settings):
        slow.orders = ["slow"] * 6
        for _ in range(6):
            await post.answer(webhook=Webhook(slow.url))
        await eventually(lambda: len(slow.arrived) == 2)
        quick = [await post.answer() for _ in range(3)]

        await eventually(lambda: len(post.receiver.arrived) == len(quick))
        assert len(slow.arrived) == 2
        slow._closing.set()


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _hash(post: Post, ended: Terminal | BatchEnded) -> dict[bytes, bytes]:
    notice = payload.notice_of(ended, 0.0)
    assert notice is not None
    found: Any = await post.house.scripts.redis.hgetall(f"{post.house.scripts.prefix}delivery:{notice.webhook_id}")
    return dict(found)


async def _settled(post: Post, ended: Terminal | BatchEnded) -> bool:
    return (await _hash(post, ended)).get(b"state", b"") in (b"delivered", b"refused", b"exhausted")


async def _planned(post: Post, answer: AnswerCompleted) -> bool:
    return b"body" in await _hash(post, answer)


async def _attempts_in_redis(post: Post, answer: AnswerCompleted, attempts: int) -> bool:
    return (await _hash(post, answer)).get(b"attempt") == str(attempts).encode()
