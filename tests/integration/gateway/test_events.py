"""The event stream of a job: complete, in order, resumable, on whichever gateway."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.events import AnswerCancelled
from producers.jobs.live import Piece
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, a_gateway, a_played_worker, events_of
from tests.support.stack import RunningRedis, a_prefix

PROMPT = {"model": MODEL, "input": "Why is the sky blue?"}


async def test_a_reader_sees_every_token_and_then_the_whole_job(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events"))
    await worker.answer("It ", "scat", "ters.")
    stream = await reading

    events = events_of(stream.content)
    ids = [int(each.id) for each in events]
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache"
    assert [each.event for each in events] == ["status", "token", "token", "token", "done"]
    assert json.loads(events[0].data)["status"] == "running"
    assert "".join(json.loads(each.data)["text"] for each in events[1:4]) == "It scatters."
    assert json.loads(events[-1].data) == (await gateway.get(f"/v1/jobs/{job_id}")).json
    assert ids == sorted(set(ids))


async def test_a_cut_stream_goes_on_at_another_gateway_without_a_gap(
    gateway: RunningGateway, other_gateway: RunningGateway, worker: PlayedWorker
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("It ")])
    async with gateway.http.get(f"{gateway.url}/v1/jobs/{job_id}/events") as cut:
        seen = events_of(await cut.content.readuntil(b'It "}\n\n'))
    await worker.leases.show(lease, [Piece("scat")])
    reading = asyncio.create_task(other_gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=seen[-1].id))
    await worker.leases.show(lease, [Piece("ters.")])
    await worker.end(lease, a_completed(prompt, "It scatters."))

    rest = events_of((await reading).content)
    texts = [json.loads(each.data)["text"] for each in seen + rest if each.event == "token"]
    assert texts == ["It ", "scat", "ters."]
    assert rest[-1].event == "done"


async def test_many_readers_of_one_job_look_at_its_end_together(gateway: RunningGateway, worker: PlayedWorker) -> None:
    async def looks() -> int:
        stats = await gateway.scripts.redis.info("commandstats")
        return int(stats.get("cmdstat_hgetall", {"calls": 0})["calls"])

    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    async with AsyncExitStack() as reading:
        opened = [gateway.http.get(f"{gateway.url}/v1/jobs/{job_id}/events") for _ in range(50)]
        streams = [await reading.enter_async_context(each) for each in opened]
        for each in streams:
            await each.content.readuntil(b"retry: 500\n\n")
        prompt, lease = await worker.claim()
        before = await looks()
        await worker.end(lease, a_completed(prompt, "Because."))
        contents = [await each.content.read() for each in streams]

    assert {events_of(each)[-1].event for each in contents} == {"done"}
    assert await looks() - before < len(streams) / 2


async def test_a_finished_stream_has_nothing_after_its_last_event(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    await worker.answer("Because.")
    whole = events_of((await gateway.get(f"/v1/jobs/{job_id}/events")).content)
    after = await gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=whole[-1].id)
    before = events_of((await gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=whole[-2].id)).content)

    assert [each.event for each in whole] == ["status", "token", "done"]
    assert (after.status, after.content) == (204, b"")
    assert before == whole[-1:]


@pytest.mark.parametrize("last_event_id", ["", "1", "99999999999999", "no number", "-3"])
async def test_a_reader_behind_what_is_kept_gets_all_text_at_once(
    gateway: RunningGateway, worker: PlayedWorker, last_event_id: str
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    await worker.answer("It ", "scatters.")
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}tokens:{job_id}")
    events = events_of((await gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=last_event_id)).content)

    assert [each.event for each in events] == ["snapshot", "done"]
    assert json.loads(events[0].data) == {"text": "It scatters."}
    assert int(events[0].id) < int(events[1].id)


ASTRAY = ["99999999999999", "no number", "-3", "1.5"]


@pytest.mark.parametrize("last_event_id", ASTRAY)
async def test_a_reader_of_an_ended_job_whose_last_event_is_not_ours_gets_a_snapshot(
    gateway: RunningGateway, worker: PlayedWorker, last_event_id: str
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    await worker.answer("It ", "scatters.")
    events = events_of((await gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=last_event_id)).content)

    assert [(each.event, json.loads(each.data).get("text")) for each in events] == [
        ("snapshot", "It scatters."), ("done", None)
    ]  # fmt: skip
    assert int(events[0].id) < int(events[1].id)


@pytest.mark.parametrize("last_event_id", ASTRAY)
async def test_a_reader_of_a_running_job_whose_last_event_is_not_ours_gets_a_snapshot_first(
    gateway: RunningGateway, worker: PlayedWorker, last_event_id: str
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    prompt, lease = await worker.claim()
    for piece in ("It ", "scat"):
        await worker.leases.show(lease, [Piece(piece)])
    reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID=last_event_id))
    await eventually(lambda: gateway.has_readers(job_id))
    await worker.leases.show(lease, [Piece("ters.")])
    await worker.end(lease, a_completed(prompt, "It scatters."))
    events = events_of((await reading).content)

    told = [(each.event, json.loads(each.data).get("text")) for each in events]
    assert told == [("snapshot", "It scat"), ("token", "ters."), ("done", None)]
    ids = [int(each.id) for each in events]
    assert ids == sorted(set(ids))


async def test_a_reader_of_a_queued_job_whose_last_event_is_not_ours_is_told_that_there_is_no_text(
    gateway: RunningGateway,
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID="elsewhere"))
    await eventually(lambda: gateway.has_readers(job_id))
    await gateway.post(f"/v1/jobs/{job_id}/cancel", {})
    running = events_of((await reading).content)
    ended = events_of((await gateway.get(f"/v1/jobs/{job_id}/events", Last_Event_ID="elsewhere")).content)

    for events in (running, ended):
        assert [(each.event, each.id, json.loads(each.data).get("text")) for each in events] == [
            ("snapshot", "0", ""), ("done", "1", None)
        ]  # fmt: skip


async def test_an_attempt_that_starts_over_says_so(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events"))
    prompt, place = await worker.next_prompt()
    await worker.leases.show(await worker.lease_of(prompt, place), [Piece("It sc")])
    await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}job:{job_id}", "lease_ms", "0")
    again = await worker.lease_of(prompt, place)
    await worker.leases.show(again, [Piece("Because.")], snapshot=True)
    await worker.end(again, a_completed(prompt, "Because.", attempt=2))

    events = events_of((await reading).content)
    told = [(each.event, json.loads(each.data).get("text")) for each in events]
    assert told == [
        ("status", None), ("token", "It sc"), ("status", None), ("snapshot", "Because."), ("done", None)
    ]  # fmt: skip


async def test_a_silent_stream_is_kept_open_by_comments(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with a_gateway(log_settings, redis_settings, ping_every_s=0.05) as gateway:
        job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
        async with gateway.http.get(f"{gateway.url}/v1/jobs/{job_id}/events") as stream:
            pings = await stream.content.readexactly(len(b"retry: 500\n\n" + b": ping\n\n" * 2))
        await gateway.post(f"/v1/jobs/{job_id}/cancel", {})

    assert pings == b"retry: 500\n\n" + b": ping\n\n" * 2


async def test_readers_of_a_queued_job_hear_of_its_cancel(gateway: RunningGateway) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events"))
    await eventually(lambda: gateway.has_readers(job_id))
    await gateway.post(f"/v1/jobs/{job_id}/cancel", {})
    events = events_of((await reading).content)

    assert [(each.event, json.loads(each.data)["status"]) for each in events] == [("done", "aborted")]


async def test_many_readers_share_one_subscription_and_leave_nothing_behind(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    async with AsyncExitStack() as reading:
        opened = [gateway.http.get(f"{gateway.url}/v1/jobs/{job_id}/events") for _ in range(20)]
        readers = [await reading.enter_async_context(each) for each in opened]
        # Who comes after the end is told it without a word of how to come back.
        assert {await each.content.readuntil(b"\n\n") for each in readers} == {b"retry: 500\n\n"}
        await worker.answer("It ", "scatters.")
        streams = {await each.content.read() for each in readers}

    assert len(streams) == 1, b"\n=====\n".join(streams).decode()
    await eventually(lambda: gateway.has_no_readers(job_id))


async def test_a_reader_misses_nothing_when_the_live_channel_breaks(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events"))
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("It ")])
    await gateway.scripts.redis.client_kill_filter(_type="pubsub")
    await worker.leases.show(lease, [Piece("scat")])
    await worker.leases.show(lease, [Piece("ters.")])
    await worker.end(lease, a_completed(prompt, "It scatters."))

    texts = [json.loads(each.data)["text"] for each in events_of((await reading).content) if each.event == "token"]
    assert texts == ["It ", "scat", "ters."]


async def test_a_reader_lives_through_a_redis_that_lost_everything(
    own_redis: RunningRedis, log_settings: KafkaSettings
) -> None:
    """What the state view and the worker make of the log again is told as a new beginning, not as a continuation."""
    async with (
        a_gateway(log_settings, own_redis.settings(a_prefix()), ping_every_s=0.2) as gateway,
        a_played_worker(gateway) as worker,
    ):
        job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
        reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events"))
        prompt, place = await worker.next_prompt()
        await worker.leases.show(await worker.lease_of(prompt, place), [Piece("It sc")])
        await eventually(lambda: gateway.has_readers(job_id))
        await gateway.scripts.redis.flushall()
        await gateway.mark_whole()
        lease = await worker.lease_of(prompt, place)
        for piece in ("It ", "scatters."):
            await worker.leases.show(lease, [Piece(piece)])
        await worker.end(lease, a_completed(prompt, "It scatters."))
        events = events_of((await reading).content)

    text = ""
    for each in events[:-1]:
        told = json.loads(each.data)
        text = told["text"] if each.event == "snapshot" else text + told.get("text", "")
    ids = [int(each.id) for each in events]
    assert text == "It scatters."
    assert ids == sorted(set(ids))
    assert json.loads(events[-1].data)["status"] == "completed"


async def test_a_cancelled_jobs_stream_ends_with_what_was_shown(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    reading = asyncio.create_task(gateway.get(f"/v1/jobs/{job_id}/events"))
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("It sc")])
    await gateway.post(f"/v1/jobs/{job_id}/cancel", {})
    await worker.end(lease, AnswerCancelled(job_id=job_id, prompt=prompt, ran=True, text="It sc"))
    events = events_of((await reading).content)

    assert [each.event for each in events] == ["status", "token", "status", "done"]
    assert json.loads(events[2].data) == {"status": "cancelling"}
    assert json.loads(events[3].data)["status"] == "cancelled"
