"""Server-sent events as they are on the wire (WHATWG HTML §9.2, conventions §2, §8 and §9)."""

import json
import re
from typing import Any

import pytest

from producers.events import PromptSubmitted
from producers.jobs.lease import Lease
from producers.jobs.live import Piece
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, events_of
from tests.support.wire import Line, a_line

CHAT = "/v1/chat/completions"
PROMPT: dict[str, Any] = {"model": MODEL, "input": "Why?", "cache": "bypass"}
STREAM: dict[str, Any] = {
    "model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "stream": True, "cache": "bypass"
}  # fmt: skip
HOSTILE = (
    "a\nb",
    "\r\n\r\ndata: {}\n\n",
    "id: 9\n",
    "\x00\u2028\u2029\x85",
    "naïve 👩\u200d🚀",
    "event: done\n\n",
    "[DONE]",
)
ASTRAY = ("abc", "-1", "+1", "1.5", "0x1", "1 2", "99999999", "9" * 40, "\uff11", "é", '"1"', "null")
FIELD = re.compile(rb"(?:event: [a-z]+|id: [0-9]+|data: [^\r\n]*|retry: [0-9]+|: ping)")


async def post(line: Line, path: str, body: Any, *more: str) -> None:
    content = json.dumps(body).encode()
    head = ["Host: gateway", "Authorization: Bearer {key}", "Content-Type: application/json", *more]
    lines = [f"POST {path} HTTP/1.1", *head, f"Content-Length: {len(content)}", "", ""]
    line.say("\r\n".join(lines).encode() + content)


async def a_job(gateway: RunningGateway, worker: PlayedWorker) -> tuple[PromptSubmitted, Lease]:
    await gateway.post("/v1/jobs", PROMPT)
    return await worker.claim()


async def answered(gateway: RunningGateway, worker: PlayedWorker, *pieces: str) -> PromptSubmitted:
    prompt, lease = await a_job(gateway, worker)
    for each in pieces:
        await worker.leases.show(lease, [Piece(each)])
    await worker.end(lease, a_completed(prompt, "".join(pieces)))
    return prompt


def checked(stream: bytes) -> list[bytes]:
    """The blocks of a stream in which each line is a field that the standard knows, one of each kind a block."""
    assert b"\r" not in stream
    assert stream.decode()
    blocks = stream.removesuffix(b"\n\n").split(b"\n\n")
    for block in blocks:
        lines = block.split(b"\n")
        assert all(FIELD.fullmatch(each) for each in lines), block
        names = [each.partition(b":")[0] for each in lines if each != b": ping"]
        assert len(set(names)) == len(names), block
    return blocks


async def test_a_jobs_events_are_framed_to_the_letter_whatever_the_model_says(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    prompt = await answered(gateway, worker, *HOSTILE)
    async with a_line(gateway) as line:
        line.get(f"/v1/jobs/{prompt.job_id}/events")
        head = await line.head()
        stream = await line.body(head)

    first, *blocks = checked(stream)
    ids = [int(found[1]) for each in blocks if (found := re.search(rb"^id: (\d+)$", each, re.M))]
    texts = [json.loads(each.data)["text"] for each in events_of(stream) if each.event == "token"]
    assert head.status == 200
    assert {name: head.headers[name] for name in ("content-type", "cache-control", "x-accel-buffering")} == {
        "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"
    }  # fmt: skip
    assert "x-request-id" in head.headers
    assert "content-length" not in head.headers
    assert first == b"retry: 500"
    assert all(re.match(rb"event: \w+\nid: \d+\ndata: ", each) for each in blocks)
    assert len(ids) == len(blocks)
    assert ids == sorted(set(ids))
    assert texts == list(HOSTILE)
    assert blocks[-1].startswith(b"event: done\n")


async def test_a_chats_chunks_are_framed_to_the_letter_whatever_the_model_says(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    async with a_line(gateway) as line:
        await post(line, CHAT, STREAM)
        prompt, lease = await worker.claim()
        for each in HOSTILE:
            await worker.leases.show(lease, [Piece(each)])
        await worker.end(lease, a_completed(prompt, "".join(HOSTILE)))
        head = await line.head()
        stream = await line.body(head)

    events = events_of(stream)
    deltas = [json.loads(each.data)["choices"][0]["delta"] for each in events[:-1]]
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")
    assert not [each for each in checked(stream) if re.search(rb"^event:", each, re.M)]
    assert [each["content"] for each in deltas[1:-1]] == list(HOSTILE)
    assert re.fullmatch(rb"id: \d+\ndata: \[DONE\]", checked(stream)[-1])


async def test_pings_keep_a_stream_open_and_are_no_events(gateway: RunningGateway, worker: PlayedWorker) -> None:
    prompt, lease = await a_job(gateway, worker)
    async with a_line(gateway) as events, a_line(gateway) as chat:
        events.get(f"/v1/jobs/{prompt.job_id}/events")
        await events.head()
        pings = await events.until(b": ping\n\n: ping\n\n")
        await post(chat, CHAT, STREAM)
        other, other_lease = await worker.claim()
        await worker.leases.show(other_lease, [Piece("Be")])
        await chat.head()
        silent = await chat.until(b": ping\n: ping\n")
        for each, held in ((prompt, lease), (other, other_lease)):
            await worker.end(held, a_completed(each, "Because."))
        rest = await chat.until(b"data: [DONE]\n\n")

    assert pings.startswith(b"retry: 500\n\n")
    assert b"\n\n: ping\n: ping\n" in silent, "no blank line: an id was seen, and clients would read an empty event"
    assert [each.data for each in events_of(silent + rest)][-1] == "[DONE]"


@pytest.mark.parametrize("is_ended", [True, False])
async def test_a_last_event_id_that_is_none_of_the_streams_skips_nothing(
    gateway: RunningGateway, worker: PlayedWorker, is_ended: bool
) -> None:
    prompt, lease = await a_job(gateway, worker)
    await worker.leases.show(lease, [Piece("Be")])
    if is_ended:
        await worker.end(lease, a_completed(prompt, "Because."))
    completion = f"{CHAT}/chatcmpl-{prompt.job_id[4:]}?stream=true"
    for last in ASTRAY:
        async with a_line(gateway) as events, a_line(gateway) as chat:
            for line, path in ((events, f"/v1/jobs/{prompt.job_id}/events"), (chat, completion)):
                line.say(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{key}}\r\nLast-Event-ID: ".encode())
                line.say(last.encode() + b"\r\n\r\n")
                assert (await line.head()).status == 200, last
            snapshot = await events.until(b"}\n\n")
            chunks = await chat.until(b"\n\n")
        assert b"event: snapshot\nid: " in snapshot, last
        assert b'"text":"Be' in snapshot
        assert b'"role":"assistant"' in chunks
    if not is_ended:
        await worker.end(lease, a_completed(prompt, "Because."))


async def test_a_last_event_id_with_a_nul_is_no_http(gateway: RunningGateway, worker: PlayedWorker) -> None:
    prompt = await answered(gateway, worker, "Because.")
    async with a_line(gateway) as line:
        line.get(f"/v1/jobs/{prompt.job_id}/events", "Last-Event-ID: 1\x00")
        head = await line.head()

    assert head.status == 400


async def test_204_says_nothing_more_and_leaves_the_connection_open(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    prompt = await answered(gateway, worker, "Because.")
    async with a_line(gateway) as line:
        line.get(f"/v1/jobs/{prompt.job_id}/events")
        last = events_of(await line.body(await line.head()))[-1].id
        told = []
        for path in (f"/v1/jobs/{prompt.job_id}/events", f"{CHAT}/chatcmpl-{prompt.job_id[4:]}?stream=true"):
            line.get(path, f"Last-Event-ID: {last}")
            told.append(await line.head())
        line.get("/healthz")
        after = await line.head()

    assert [each.status for each in told] == [204, 204]
    assert not {"content-length", "transfer-encoding", "content-type"} & {*told[0].headers, *told[1].headers}
    assert after.status == 200


async def test_a_client_of_http_1_0_gets_the_stream_until_the_connection_closes(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    prompt = await answered(gateway, worker, "Be", "cause.")
    async with a_line(gateway) as line:
        line.get(f"/v1/jobs/{prompt.job_id}/events", version="1.0")
        head = await line.head()
        stream = await line.body(head)

    assert "transfer-encoding" not in head.headers
    assert events_of(stream)[-1].event == "done"


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/jobs/{}/events", "GET"), (CHAT + "/chatcmpl-{}", "DELETE, GET, POST")]
)
async def test_a_stream_has_no_head_without_its_body(gateway: RunningGateway, path: str, allowed: str) -> None:
    async with a_line(gateway) as line:
        line.say(f"HEAD {path.format('x')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{key}}\r\n\r\n".encode())
        head = await line.head()

    assert (head.status, head.headers["allow"]) == (405, allowed)


async def test_two_streams_asked_for_at_once_come_one_after_the_other(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    first = await answered(gateway, worker, "one")
    second = await answered(gateway, worker, "two")
    async with a_line(gateway) as line:
        for each in (first, second):
            line.get(f"/v1/jobs/{each.job_id}/events")
        streams = [await line.body(await line.head()) for _ in range(2)]

    assert [b'"text":"one"' in streams[0], b'"text":"two"' in streams[1]] == [True, True]


async def test_who_hangs_up_in_the_middle_leaves_no_reader_behind(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    prompt, lease = await a_job(gateway, worker)
    async with a_line(gateway) as line:
        line.get(f"/v1/jobs/{prompt.job_id}/events")
        await line.head()
        await line.until(b": ping\n\n")
        await eventually(lambda: gateway.has_readers(prompt.job_id))
    await eventually(lambda: gateway.has_no_readers(prompt.job_id))
    await worker.end(lease, a_completed(prompt, "Because."))
