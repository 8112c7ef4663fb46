"""A chat completion over HTTP: through the log like any job, while its client waits."""

import asyncio
import json
import socket
from typing import Any

from aiohttp import web

from infra.settings import KafkaSettings, RedisSettings
from producers.events import AnswerCancelled, AnswerExpired, JobError
from producers.jobs import live, record
from producers.jobs.live import Piece
from producers.log.topics import ANSWERS
from tests.support.builders import a_completed, a_failed
from tests.support.eventually import eventually
from tests.support.gateway import (
    MODEL,
    Answer,
    Log,
    PlayedWorker,
    RunningGateway,
    a_gateway,
    a_played_worker,
    events_of,
)
from tests.support.views import read_by_the_view

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
STREAM = BODY | {"stream": True}


def asked(gateway: RunningGateway, body: Any, **headers: str) -> "asyncio.Task[Answer]":
    return asyncio.create_task(gateway.post(CHAT, body, **headers))


def chunks(content: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream that ended well."""
    events = events_of(content)
    assert events[-1].data == "[DONE]"
    return [json.loads(each.data) for each in events[:-1]]


async def test_a_chat_is_answered_through_the_log(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asking = asked(gateway, BODY)
    prompt = await worker.answer("It ", "scatters.", finish_reason="length")
    answer = await asking

    assert prompt.lane == "interactive"
    assert answer.status == 200
    assert answer.json == {
        "id": f"chatcmpl-{prompt.job_id[4:]}",
        "object": "chat.completion",
        "created": int(prompt.received_ms / 1000),
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "It scatters.", "refusal": None},
                "finish_reason": "length",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    assert answer.headers["x-ratelimit-remaining-requests"] == "9999"


async def test_who_wants_a_whole_answer_is_told_of_nothing_but_its_end(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, BODY)
    prompt, lease = await worker.claim()
    prefix, redis = gateway.scripts.prefix, gateway.scripts.redis
    await eventually(lambda: gateway.has_readers(prompt.job_id), what="somebody who waits")
    ((_, readers), (_, waiters)) = await redis.pubsub_numsub(
        live.channel(prefix, prompt.job_id), live.channel_of_end(prefix, prompt.job_id)
    )
    await worker.end(lease, a_completed(prompt, "It scatters."))
    answer = await asking

    assert (readers, waiters) == (0, 1)
    assert answer.json["choices"][0]["message"]["content"] == "It scatters."


async def test_a_streamed_chat_says_role_text_and_end(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asking = asked(gateway, STREAM | {"stream_options": {"include_usage": True}})
    await worker.answer("It ", "scat", "ters.")
    answer = await asking

    told = chunks(answer.content)
    deltas = [each["choices"][0]["delta"] for each in told[:-1]]
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert deltas == [
        {"role": "assistant", "content": ""}, {"content": "It "}, {"content": "scat"}, {"content": "ters."}, {}
    ]  # fmt: skip
    assert [each["choices"][0]["finish_reason"] for each in told[:-1]] == [None, None, None, None, "stop"]
    assert all(each["usage"] is None for each in told[:-1])
    assert told[-1]["choices"] == []
    assert told[-1]["usage"]["total_tokens"] == 10
    assert len({(each["id"], each["created"], each["model"], each["object"]) for each in told}) == 1
    ids = [int(each.id) for each in events_of(answer.content) if each.id]
    assert ids == sorted(ids)


async def test_the_first_text_goes_out_while_the_rest_is_still_made(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asyncio.create_task(gateway.http.post(f"{gateway.url}{CHAT}", json=STREAM))
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("It ")])
    async with await asking as stream:
        first = await stream.content.readuntil(b"It ")
        await worker.leases.show(lease, [Piece("scatters.")])
        await worker.end(lease, a_completed(prompt, "It scatters."))
        rest = await stream.content.read()

    assert b'"role":"assistant"' in first
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_a_second_attempt_that_repeats_the_first_is_not_noticed(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, STREAM)
    prompt, place = await worker.next_prompt()
    await worker.leases.show(await worker.lease_of(prompt, place), [Piece("It sc")])
    again = await taken_over(gateway, worker, prompt, place)
    await worker.leases.show(again, [Piece("It")], snapshot=True)
    for piece in (" scatt", "ers."):
        await worker.leases.show(again, [Piece(piece)])
    await worker.end(again, a_completed(prompt, "It scatters."))

    told = chunks((await asking).content)
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in told) == "It scatters."


async def test_a_second_attempt_that_differs_breaks_the_stream_honestly(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, STREAM)
    prompt, place = await worker.next_prompt()
    await worker.leases.show(await worker.lease_of(prompt, place), [Piece("It sc")])
    again = await taken_over(gateway, worker, prompt, place)
    await worker.leases.show(again, [Piece("Because.")], snapshot=True)
    await worker.end(again, a_completed(prompt, "Because."))

    events = events_of((await asking).content)
    assert json.loads(events[-1].data)["error"]["code"] == "stream_diverged"
    assert "[DONE]" not in {each.data for each in events}


async def taken_over(gateway: RunningGateway, worker: PlayedWorker, prompt: Any, place: int) -> Any:
    """The first lease lapses, and another attempt begins."""
    await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}job:{prompt.job_id}", "lease_ms", "0")
    return await worker.lease_of(prompt, place)


async def test_a_failure_before_the_first_text_has_its_own_status(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    statuses = []
    for body in (BODY, STREAM):
        for error in (
            JobError("`temperature` is odd", "invalid_request_error", "temperature", None),
            JobError("the model server is overloaded", code="overloaded"),
            JobError("the model server is gone"),
        ):
            asking = asked(gateway, body)
            prompt, lease = await worker.claim()
            await worker.end(lease, a_failed(prompt).__class__(job_id=prompt.job_id, prompt=prompt, error=error))
            answer = await asking
            statuses.append(answer.status)
            assert answer.json["error"]["message"] == error.message

    assert statuses == [400, 503, 500] * 2


async def test_a_stream_without_text_begins_in_time_and_tells_of_a_later_failure_itself(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with (
        a_gateway(log_settings, redis_settings, opening_s=0.05) as gateway,
        a_played_worker(gateway) as worker,
        gateway.http.post(f"{gateway.url}{CHAT}", json=STREAM) as stream,
    ):
        first = await stream.content.readuntil(b"\n\n")
        prompt, lease = await worker.claim()
        await worker.end(lease, a_failed(prompt))
        (last,) = events_of(await stream.content.read())

    assert (stream.status, stream.headers["x-job-id"]) == (200, prompt.job_id)
    assert json.loads(events_of(first)[0].data)["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert json.loads(last.data)["error"]["message"] == "the model server is gone"


async def test_a_failure_in_mid_stream_is_an_event_and_no_done(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asking = asked(gateway, STREAM)
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("It sc")])
    await worker.end(lease, a_failed(prompt))
    answer = await asking

    events = events_of(answer.content)
    assert answer.status == 200
    assert json.loads(events[-1].data) == {
        "error": {"message": "the model server is gone", "type": "server_error", "param": None, "code": None}
    }


async def test_a_deadline_that_passes_is_told_without_asking_for_a_retry(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, BODY | {"deadline": 1})
    prompt, lease = await worker.claim()
    await worker.end(lease, AnswerExpired(job_id=prompt.job_id, prompt=prompt))
    answer = await asking

    assert prompt.deadline_ms == prompt.received_ms + 1000
    assert (answer.status, answer.json["error"]["code"]) == (504, "deadline_exceeded")
    assert answer.headers["x-should-retry"] == "false"


async def test_a_prompt_that_no_worker_takes_in_time_is_told_to_come_again_and_under_a_key_for_its_answer(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with (
        a_gateway(log_settings, redis_settings, chat_timeout_s=0.5) as gateway,
        a_played_worker(gateway) as worker,
    ):
        given_up = await gateway.post(CHAT, BODY)
        first, _ = await worker.next_prompt()

        async def is_aborted() -> bool:
            found = await record.read(gateway.scripts, first.job_id)
            return found is not None and found.state == "aborted"

        await eventually(is_aborted)
        waits = await gateway.post(CHAT, BODY, Idempotency_Key="k")
        prompt, lease = await worker.claim()
        await worker.end(lease, a_completed(prompt, "It scatters."))
        again = await gateway.post(CHAT, BODY, Idempotency_Key="k")

    for each in (given_up, waits):
        assert (each.status, each.json["error"]["code"]) == (503, "unavailable")
        assert each.headers["Retry-After"] == "5"
    assert again.json["choices"][0]["message"]["content"] == "It scatters."


async def test_a_client_that_was_told_nothing_cancels_its_job_by_hanging_up(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    for body in (BODY, STREAM):
        asking = asked(gateway, body)
        prompt, lease = await worker.claim()
        asking.cancel()

        async def is_told(lease: Any = lease) -> bool:
            return await worker.leases.renew([lease]) == ["cancelled"]

        await eventually(is_told, what="the worker's being told")
        await worker.end(lease, AnswerCancelled(job_id=prompt.job_id, prompt=prompt, ran=True))


async def test_a_client_that_hangs_up_in_the_queue_frees_its_place(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, BODY)
    prompt, _ = await worker.next_prompt()
    asking.cancel()

    async def is_aborted() -> bool:
        job = await record.read(gateway.scripts, prompt.job_id)
        return job is not None and job.status == "aborted"

    await eventually(is_aborted, what="the job's end")


async def test_a_client_under_an_idempotency_key_may_hang_up_and_come_back(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, BODY, Idempotency_Key="k-1")
    prompt, lease = await worker.claim()
    asking.cancel()
    while_running = await gateway.post(CHAT, BODY, Idempotency_Key="k-1")
    await worker.end(lease, a_completed(prompt, "It scatters."))
    back = await gateway.post(CHAT, BODY, Idempotency_Key="k-1")
    streamed = await gateway.post(CHAT, STREAM, Idempotency_Key="k-1")

    assert (while_running.status, while_running.json["error"]["code"]) == (409, "still_running")
    assert while_running.headers["x-job-id"] == prompt.job_id
    assert (back.status, back.json["choices"][0]["message"]["content"]) == (200, "It scatters.")
    assert back.headers["Idempotent-Replayed"] == "true"
    assert streamed.status == 422, "another body under the same key"


async def test_a_repeated_request_gets_its_stored_error(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asking = asked(gateway, STREAM, Idempotency_Key="k-1")
    prompt, lease = await worker.claim()
    await worker.end(lease, a_failed(prompt))
    first = await asking
    again = await gateway.post(CHAT, STREAM, Idempotency_Key="k-1")

    assert (again.status, again.json) == (first.status, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_an_answer_in_the_cache_is_told_at_once_and_settled_behind(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, BODY)
    prompt = await worker.answer("It scatters.")
    first = await asking
    await read_by_the_view(gateway.scripts, a_completed(prompt, "It scatters."))
    answers = Log(gateway.kafka, [ANSWERS])
    await answers.start()
    plain = await gateway.post(CHAT, BODY)
    streamed = await gateway.post(CHAT, STREAM)
    hits = [(await answers.next(gateway.tenant))[0] for _ in range(2)]
    await answers.close()

    assert plain.json["choices"] == first.json["choices"]
    assert plain.json["id"] != first.json["id"]
    assert [each["choices"][0]["delta"] for each in chunks(streamed.content)] == [
        {"role": "assistant", "content": ""}, {"content": "It scatters."}, {}
    ]  # fmt: skip
    assert {each.cache for each in hits} == {"hit"}
    for hit in hits:

        async def is_settled(job_id: str = hit.job_id) -> bool:
            job = await record.read(gateway.scripts, job_id)
            return job is not None and job.status == "completed"

        await eventually(is_settled)
    assert worker.log.nothing_waits()


async def test_a_prompt_whose_entry_in_the_cache_cannot_be_read_is_answered_anew(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    asking = asked(gateway, BODY)
    prompt = await worker.answer("It scatters.")
    await asking
    await read_by_the_view(gateway.scripts, a_completed(prompt, "It scatters."))
    redis = gateway.scripts.redis
    (entry,) = [key async for key in redis.scan_iter(f"{gateway.scripts.prefix}cache:*")]
    await redis.set(entry, b"{")

    asking = asked(gateway, BODY, Idempotency_Key="k-1")
    prompt = await worker.answer("It scatters.", " Again.")
    first = await asking
    again = await gateway.post(CHAT, BODY, Idempotency_Key="k-1")

    assert first.json["choices"][0]["message"]["content"] == "It scatters. Again."
    assert (again.status, again.content) == (200, first.content)


async def test_respond_async_makes_a_job_of_a_chat(gateway: RunningGateway, worker: PlayedWorker) -> None:
    answer = await gateway.post(CHAT, STREAM, Prefer="respond-async")
    prompt, _ = await worker.next_prompt()

    assert (answer.status, answer.json["object"]) == (202, "job")
    assert answer.headers["Location"] == f"/v1/jobs/{prompt.job_id}"
    assert answer.headers["Preference-Applied"] == "respond-async"


async def test_chats_side_by_side_each_get_their_own_answer(gateway: RunningGateway, worker: PlayedWorker) -> None:
    texts = [f"question {number}" for number in range(30)]
    asking = [asked(gateway, BODY | {"messages": [{"role": "user", "content": text}]}) for text in texts]

    async def answer_one() -> None:
        prompt, lease = await worker.claim()
        text = f"to {prompt.messages[0].content}"
        for word in text.split(" "):
            await worker.leases.show(lease, [Piece(word)])
        await worker.end(lease, a_completed(prompt, text))

    await asyncio.gather(*(answer_one() for _ in texts))
    answers = [(await each).json["choices"][0]["message"]["content"] for each in asking]

    assert answers == [f"to {text}" for text in texts]


async def test_the_socket_does_not_wait_to_fill_its_packets(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    """Nagle's algorithm would hold tokens back; aiohttp switches it off, and this would tell if it stopped to."""
    seen = []

    async def look(request: web.Request, response: web.StreamResponse) -> None:
        assert request.transport is not None
        seen.append(request.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async with a_gateway(log_settings, redis_settings, look=look) as gateway:
        await gateway.get("/healthz")

    assert [bool(each) for each in seen] == [True]


async def test_a_strict_schema_is_taken_where_answers_will_follow_all_of_it(
    gateway: RunningGateway, log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
    named = {"name": "person", "schema": schema}
    chat = {"response_format": {"type": "json_schema", "json_schema": {**named, "strict": True}}}
    form = {"text": {"format": {"type": "json_schema", **named, "strict": True}}}
    tool = {"tools": [{"type": "function", "name": "note", "parameters": schema, "strict": True}]}
    lax = {"response_format": {"type": "json_schema", "json_schema": named}}
    body = {"model": MODEL, "input": "Who?"}
    refused = [
        await gateway.post(path, body | more)
        for path, more in (("/v1/jobs", chat), ("/v1/responses", form), ("/v1/responses", tool))
    ]
    taken = await gateway.post("/v1/jobs", body | lax)
    async with a_gateway(log_settings, redis_settings, grammars="llguidance") as embedded:
        held = await embedded.post("/v1/jobs", body | chat)

    assert [(each.status, each.json["error"]["param"]) for each in refused] == [
        (400, "response_format.json_schema.schema.properties.age.minimum"),
        (400, "text.format.schema.properties.age.minimum"),
        (400, "tools[0].parameters.properties.age.minimum"),
    ]
    assert (taken.status, held.status) == (202, 202)
