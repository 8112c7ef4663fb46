"""A chat completion read later, and its stream taken up on another gateway: exactly what follows, or all of it anew."""

import asyncio
import json
import random
from typing import Any

import pytest
from openai import AsyncOpenAI

from gateway.readers.following import Following
from infra.settings import KafkaSettings, RedisSettings
from producers.events import AnswerCancelled, AnswerCompleted, Choice, PromptSubmitted, TokenLogprob, ToolCall
from producers.jobs.lease import Lease
from producers.jobs.live import Piece
from tests.support.builders import a_completed, a_failed
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, a_gateway, a_played_worker, events_of

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
STREAM = BODY | {"stream": True, "cache": "bypass"}
CALL = ToolCall("call_1", "weather", '{"city":"Rome"}')
LOGPROBS = tuple(TokenLogprob(text, -0.5) for text in ("It ", "scat"))
PIECES = (
    Piece("It scat", logprobs=LOGPROBS), Piece("ters."), Piece("Be", 1), Piece("cause.", 1), Piece("", 2, (CALL,))
)  # fmt: skip
CHOICES = (Choice("It scatters.", logprobs=LOGPROBS), Choice("Because.", "length"), Choice("", "tool_calls", (CALL,)))


def later(prompt: PromptSubmitted, query: str = "?stream=true") -> str:
    return f"{CHAT}/chatcmpl-{prompt.job_id[4:]}{query}"


def text_of(content: bytes) -> str:
    """What a client puts together that begins anew where it hears who speaks."""
    text = ""
    for each in events_of(content):
        chunk = json.loads(each.data) if each.data != "[DONE]" else {"choices": []}
        for choice in chunk.get("choices", []):
            text = "" if "role" in choice["delta"] else text + choice["delta"].get("content", "")
    return text


async def begun(gateway: RunningGateway, worker: PlayedWorker, *pieces: str) -> tuple[PromptSubmitted, Lease, bytes]:
    """A stream that its client let go of after these pieces."""
    asking = asyncio.create_task(gateway.http.post(f"{gateway.url}{CHAT}", json=STREAM))
    prompt, lease = await worker.claim()
    for piece in pieces:
        await worker.leases.show(lease, [Piece(piece)])
    async with await asking as stream:
        had = await stream.content.readuntil(pieces[-1].encode())
        had += await stream.content.readuntil(b"\n\n")
    return prompt, lease, had


async def test_a_stream_goes_on_behind_whichever_chunk_on_another_gateway(
    gateway: RunningGateway, other_gateway: RunningGateway, worker: PlayedWorker
) -> None:
    body = STREAM | {"n": 3, "logprobs": True, "stream_options": {"include_usage": True}}
    asking = asyncio.create_task(gateway.post(CHAT, body))
    prompt, lease = await worker.claim()
    for piece in PIECES:
        await worker.leases.show(lease, [piece])
    await worker.end(lease, a_completed(prompt, "It scatters.", choices=CHOICES))
    whole = (await asking).content
    path = later(prompt, "?stream=true&include_usage=true")

    anew = await other_gateway.get(path)
    blocks = whole.split(b"\n\n")[:-1]
    numbered = [(at, block.split(b"\n")[0][4:].decode()) for at, block in enumerate(blocks) if b"id: " in block]
    for at, number in numbered[:-1]:
        rest = await other_gateway.get(path, Last_Event_ID=number)
        assert rest.content == b"".join(block + b"\n\n" for block in blocks[at + 1 :])
    last = await other_gateway.get(path, Last_Event_ID=numbered[-1][1])

    assert anew.content == whole
    assert len(numbered) == len(PIECES) + 1
    assert (last.status, last.content) == (204, b"")


async def test_a_stream_that_was_cut_goes_on_while_the_answer_is_made(
    gateway: RunningGateway, other_gateway: RunningGateway, worker: PlayedWorker
) -> None:
    prompt, lease, had = await begun(gateway, worker, "It ", "scat")
    last = events_of(had)[-1].id
    going_on = asyncio.create_task(
        other_gateway.http.get(f"{other_gateway.url}{later(prompt)}", headers={"Last-Event-ID": last})
    )
    async with await going_on as stream:
        assert stream.headers["Content-Type"] == "text/event-stream", "the head is there before anything follows"
        await worker.leases.show(lease, [Piece("ters.")])
        await worker.end(lease, a_completed(prompt, "It scatters."))
        rest = await stream.read()

    assert text_of(had + rest) == "It scatters."
    assert b"role" not in rest
    assert rest.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("last", ["", "garbage", "-3", "99999999999", "1" * 30])
async def test_who_shows_no_id_of_the_stream_is_told_all_of_it(
    gateway: RunningGateway, worker: PlayedWorker, last: str
) -> None:
    prompt, lease, _ = await begun(gateway, worker, "It ", "scat")
    anew = asyncio.create_task(gateway.get(later(prompt), Last_Event_ID=last))
    await worker.end(lease, a_completed(prompt, "It scatters."))

    assert text_of((await anew).content) == "It scatters."


async def test_where_the_tail_is_gone_the_answer_is_told_anew(gateway: RunningGateway, worker: PlayedWorker) -> None:
    prompt, lease, had = await begun(gateway, worker, "It ", "scat")
    await worker.end(lease, a_completed(prompt, "It scatters."))
    trimmed = f"{gateway.scripts.prefix}tokens:{prompt.job_id}"
    told = []
    for keep in (2, 0):
        await gateway.scripts.redis.xtrim(trimmed, maxlen=keep, approximate=False)
        told.append((await gateway.get(later(prompt), Last_Event_ID=events_of(had)[-1].id)).content)

    assert [text_of(had + each) for each in told] == ["It scatters."] * 2
    assert [each.count(b'"role"') for each in told] == [1, 1]


async def test_where_the_answer_began_anew_and_differs_it_is_told_anew(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    prompt, lease, had = await begun(gateway, worker, "It ", "scat")
    await worker.leases.show(lease, [Piece("Because")], snapshot=True)
    going_on = asyncio.create_task(gateway.get(later(prompt), Last_Event_ID=events_of(had)[-1].id))
    await worker.leases.show(lease, [Piece(".")])
    await worker.end(lease, a_completed(prompt, "Because."))

    assert text_of(had + (await going_on).content) == "Because."


async def test_a_stream_that_broke_breaks_again_and_then_says_nothing(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    prompt, lease, had = await begun(gateway, worker, "It ")
    await worker.leases.show(lease, [Piece("scat")])
    await worker.end(lease, AnswerCancelled(job_id=prompt.job_id, prompt=prompt, ran=True, text="It scat"))
    rest = await gateway.get(later(prompt), Last_Event_ID=events_of(had)[-1].id)
    then = await gateway.get(later(prompt), Last_Event_ID=events_of(rest.content)[-1].id)
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}tokens:{prompt.job_id}")
    kept = events_of((await gateway.get(later(prompt))).content)

    assert text_of(had + rest.content) == "It scat"
    assert json.loads(events_of(rest.content)[-1].data)["error"]["code"] == "cancelled"
    assert then.status == 204
    assert [json.loads(each.data)["choices"][0]["delta"].get("content") for each in kept[:-1]] == ["", "It scat"]


async def test_an_answer_is_read_again_whole(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asking = asyncio.create_task(gateway.post(CHAT, BODY))
    prompt, lease = await worker.claim()
    early = await gateway.get(later(prompt, ""))
    await worker.end(lease, a_completed(prompt, "It scatters."))
    first = await asking
    again = await gateway.get(later(prompt, ""))

    assert (early.status, early.json["error"]["code"]) == (409, "still_running")
    assert int(early.headers["Retry-After"]) >= 1
    assert (again.status, again.json) == (200, first.json | {"metadata": {}})


async def test_a_job_without_an_answer_has_its_error(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asking = asyncio.create_task(gateway.post(CHAT, BODY))
    prompt, lease = await worker.claim()
    await worker.end(lease, a_failed(prompt))
    first = await asking
    again = [await gateway.get(later(prompt, query)) for query in ("", "?stream=true")]

    assert [(each.status, each.json) for each in again] == [(first.status, first.json)] * 2


async def test_another_tenants_completion_does_not_exist(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", {"model": MODEL, "input": "Why?"})).json["id"]
    prompt = await worker.answer("Because.")
    stranger = {"Authorization": f"Bearer {(await gateway.issue('somebody-else')).api_key}"}
    theirs = [await gateway.get(later(prompt, query), **stranger) for query in ("", "?stream=true")]
    asked_for = ("chatcmpl-none", job_id, "x")
    none = [await gateway.get(f"{CHAT}/{each}") for each in asked_for]
    wrong = await gateway.get(later(prompt, "?stream=perhaps"))

    assert {each.status for each in (*theirs, *none)} == {404}
    told = [each.json["error"]["message"] for each in none]
    assert told == [f"There is no chat completion {each!r}." for each in asked_for]
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "stream")


async def test_the_sdk_lives_through_pings_behind_numbered_chunks(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with (
        a_gateway(log_settings, redis_settings, ping_every_s=0.03) as gateway,
        a_played_worker(gateway) as worker,
        AsyncOpenAI(api_key=gateway.key.api_key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk,
    ):
        asking = asyncio.create_task(sdk.chat.completions.create(**(BODY | {"stream": True})))
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, [Piece("Be")])
        chunks = aiter(await asking)
        deltas = [(await anext(chunks)).choices[0].delta for _ in range(2)]
        ending = asyncio.create_task(_end_later(worker, lease, a_completed(prompt, "Because.")))
        deltas += [each.choices[0].delta async for each in chunks]
        await ending
        read = await sdk.chat.completions.retrieve(f"chatcmpl-{prompt.job_id[4:]}")

    assert "".join(each.content or "" for each in deltas) == "Because."
    assert read.choices[0].message.content == "Because."


async def _end_later(worker: PlayedWorker, lease: Lease, answer: AnswerCompleted) -> None:
    await asyncio.sleep(0.2)  # some pings long
    await worker.end(lease, answer)


async def test_whatever_became_of_the_answer_and_wherever_its_stream_was_cut_the_reader_has_it_all(
    gateway: RunningGateway, other_gateway: RunningGateway, worker: PlayedWorker
) -> None:
    """Attempts that repeat, begin anew or differ, shown in pieces of any size; cut behind every id there was."""
    for seed in range(8):
        prompt, answer, whole = await a_history(gateway, worker, random.Random(seed))
        blocks = [block + b"\n\n" for block in whole.split(b"\n\n")[:-1]]
        numbered = [at for at, block in enumerate(blocks) if block.startswith(b"id: ") and b"[DONE]" not in block]
        for at in numbered:
            number = blocks[at].split(b"\n")[0][4:].decode()
            rest = (await other_gateway.get(later(prompt), Last_Event_ID=number)).content
            assert text_of(b"".join(blocks[: at + 1]) + rest) == answer, (seed, number)
            assert rest.endswith(b"data: [DONE]\n\n")
        assert text_of((await other_gateway.get(later(prompt))).content) == answer
        assert numbered


async def test_who_is_told_nothing_until_an_attempt_was_started_over_is_told_the_newest(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway comes to its reader only when all is there already."""
    all_is_there, heard = asyncio.Event(), Following.heard

    async def heard_late(*given: Any, **how: Any) -> Any:
        await all_is_there.wait()
        return await heard(*given, **how)

    monkeypatch.setattr(Following, "heard", heard_late)
    asking = asyncio.create_task(gateway.post(CHAT, STREAM))
    prompt, place = await worker.next_prompt()
    first = await worker.lease_of(prompt, place)
    await worker.leases.show(first, [Piece("Per")])
    await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}job:{prompt.job_id}", "lease_ms", "0")
    second = await worker.lease_of(prompt, place)
    await worker.leases.show(second, [Piece("Because.")], snapshot=True)
    await worker.end(second, a_completed(prompt, "Because."))
    all_is_there.set()
    told = await asking

    assert (told.status, text_of(told.content)) == (200, "Because.")


async def a_history(
    gateway: RunningGateway, worker: PlayedWorker, rng: random.Random
) -> tuple[PromptSubmitted, str, bytes]:
    """A prompt, its answer, and the stream of its first reader: over one to three attempts."""
    answer = " ".join(rng.choice(("red", "green", "blue", "é👩‍🚀")) for _ in range(12))
    asking = asyncio.create_task(gateway.post(CHAT, STREAM))
    prompt, place = await worker.next_prompt()
    lease = await worker.lease_of(prompt, place)
    for left in reversed(range(rng.randint(1, 3))):
        differs = left and rng.random() < 0.5
        text = answer[: rng.randint(1, 8)] + "?!" if differs else answer[: rng.randint(5, 30)] if left else answer
        while text:
            piece, text = text[: (size := rng.randint(1, 9))], text[size:]
            assert (await worker.leases.show(lease, [Piece(piece)])).kept == "kept"
        if left:
            await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}job:{prompt.job_id}", "lease_ms", "0")
            lease = await worker.lease_of(prompt, place)
    await worker.end(lease, a_completed(prompt, answer))
    return prompt, answer, (await asking).content


async def test_an_answer_is_deleted_once_it_is_whole(gateway: RunningGateway, worker: PlayedWorker) -> None:
    client = AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key.api_key, max_retries=0)
    prompt, lease, _ = await begun(gateway, worker, "It ")
    async with gateway.http.delete(f"{gateway.url}{later(prompt, '')}") as response:
        early = response.status
    await worker.end(lease, a_completed(prompt, "It scatters."))
    deleted = await client.chat.completions.delete(f"chatcmpl-{prompt.job_id[4:]}")
    gone = await gateway.get(later(prompt, ""))
    await client.close()

    assert (early, deleted.deleted, deleted.object) == (409, True, "chat.completion.deleted")
    assert gone.status == 404
