"""A gateway that is killed costs its reader a reconnect: the other one goes on exactly where the stream was cut."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from gateway.keys import PUBLISHER
from infra.settings import KafkaSettings, RedisSettings
from infra.sse import ServerSentEvent
from infra.telemetry.metrics import Metrics
from producers.jobs import record
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.live import Piece
from producers.state.retention import Retention
from stream_workers.fanout.reaper import Patience, Reaper
from tests.support.builders import CLOCK, a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, a_gateway, a_played_worker, events_of
from tests.support.gateway_process import AN_HOUR_S, a_process, known

CHAT = "/v1/chat/completions"
STREAM: dict[str, Any] = {
    "model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "cache": "bypass", "stream": True
}  # fmt: skip
JOB: dict[str, Any] = {"model": MODEL, "input": "Why?", "cache": "bypass"}
WORDS = [f"word{number} " for number in range(60)]


@dataclass(frozen=True)
class Cut:
    """A stream as far as its reader had it when the gateway died."""

    kind: str
    had: bytes

    @property
    def events(self) -> list[ServerSentEvent]:
        return events_of(self.had)

    @property
    def later(self) -> tuple[str, dict[str, str]]:
        """Where the rest is asked for, and what is said."""
        last, first = self.events[-1], json.loads(self.events[0].data)
        match self.kind:
            case "chat":
                return f"{CHAT}/{first['id']}?stream=true", {"Last-Event-ID": last.id}
            case "response":
                after = json.loads(last.data)["sequence_number"]
                return f"/v1/responses/{first['response']['id']}?stream=true&starting_after={after}", {}
            case job_id:
                return f"/v1/jobs/{job_id}/events", {"Last-Event-ID": last.id}


def text_of(kind: str, events: list[ServerSentEvent]) -> str:
    """What the reader of a stream puts together."""
    said = [json.loads(each.data) for each in events if each.data != "[DONE]"]
    match kind:
        case "chat":
            return "".join(each["choices"][0]["delta"].get("content", "") for each in said)
        case "response":
            return "".join(each["delta"] for each in said if each["type"] == "response.output_text.delta")
        case _:
            return "".join(each["text"] for each, event in zip(said, events, strict=True) if event.event == "token")


async def test_streams_whose_gateway_is_killed_go_on_at_the_other(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    async with (
        a_gateway(log_settings, redis_settings) as ours,
        a_played_worker(ours) as worker,
        a_process(log_settings, redis_settings, first, AN_HOUR_S) as dying,
        a_process(log_settings, redis_settings, second, AN_HOUR_S) as other,
        aiohttp.ClientSession(headers=await known(ours, dying)) as http,
    ):
        await known(ours, other)
        cut = asyncio.Event()
        speaking = [asyncio.create_task(speak(worker, cut)) for _ in range(3)]
        job_id = (await ours.post("/v1/jobs", JOB)).json["id"]
        read: dict[str, bytearray] = {kind: bytearray() for kind in ("chat", "response", job_id)}

        async def follow(kind: str, method: str, path: str, body: Any) -> None:
            with suppress(aiohttp.ClientPayloadError):
                async with http.request(method, f"{dying.url}{path}", json=body) as stream:
                    async for piece in stream.content.iter_any():
                        read[kind] += piece

        following = [
            asyncio.create_task(follow("chat", "POST", CHAT, STREAM)),
            asyncio.create_task(follow("response", "POST", "/v1/responses", JOB | {"stream": True})),
            asyncio.create_task(follow(job_id, "GET", f"/v1/jobs/{job_id}/events", None)),
        ]
        await eventually(lambda: all(b"word20 " in each for each in read.values()), what="the middle of all streams")
        dying.process.kill()
        await asyncio.gather(*following)
        cut.set()
        cuts = [Cut(kind, bytes(had)) for kind, had in read.items()]
        rests = []
        for each in cuts:
            path, headers = each.later
            async with http.get(f"{other.url}{path}", headers=headers) as stream:
                rests.append(await stream.read())
        await asyncio.gather(*speaking)

    for each, rest in zip(cuts, rests, strict=True):
        assert text_of(each.kind, each.events) != "".join(WORDS), "there was nothing to go on with"
        assert text_of(each.kind, each.events + events_of(rest)) == "".join(WORDS), each.kind
    assert b"[DONE]" in rests[0]
    assert b'"role"' not in rests[0], "it goes on, and does not begin anew"
    assert events_of(rests[1])[-1].event == "response.completed"
    assert events_of(rests[2])[-1].event == "done"


async def test_a_stream_whose_gateway_is_killed_before_the_first_text_is_taken_up_by_its_id(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with (
        a_gateway(log_settings, redis_settings) as ours,
        a_played_worker(ours) as worker,
        a_process(log_settings, redis_settings, tmp_path, AN_HOUR_S, opening_s=0.1) as dying,
        aiohttp.ClientSession(headers=await known(ours, dying)) as http,
    ):
        async with http.post(f"{dying.url}{CHAT}", json=STREAM) as stream:
            had = await stream.content.readuntil(b"\n\n")
            dying.process.kill()
        (roles,) = events_of(had)
        completion_id = json.loads(roles.data)["id"]
        taking_up = asyncio.create_task(http.get(f"{ours.url}{CHAT}/{completion_id}?stream=true"))
        await speak(worker)
        async with await taking_up as rest:
            told = events_of(await rest.read())

    assert stream.headers["x-job-id"][4:] == completion_id[9:]
    assert roles.id == ""
    assert text_of("chat", told) == "".join(WORDS)


async def test_a_call_whose_gateway_is_killed_is_cancelled_when_nobody_comes_back(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    async with (
        a_gateway(log_settings, redis_settings) as ours,
        a_played_worker(ours) as worker,
        a_process(log_settings, redis_settings, tmp_path, AN_HOUR_S, reader_grace_s=0.1) as dying,
        aiohttp.ClientSession(headers=await known(ours, dying)) as http,
    ):
        asking = asyncio.create_task(http.post(f"{dying.url}{CHAT}", json={**STREAM, "stream": False}))
        prompt, lease = await worker.claim()
        # A worker may claim what the gateway has not yet noted as acknowledged.
        await eventually(lambda: is_acknowledged(ours, prompt.job_id), what="a call that waits for its answer")
        dying.process.kill()
        await asyncio.wait([asking])
        endings = Endings(ours.app[PUBLISHER], worker.settling, Metrics())
        at_once = Patience(renewing_ms=0)
        reaper = Reaper(ours.scripts, Intake(ours.scripts, Retention()), endings, CLOCK, Metrics(), at_once)
        before = await worker.leases.renew([lease])

        async def is_cancelled() -> bool:
            await reaper.reap()
            return await worker.leases.renew([lease]) == ["cancelled"]

        await eventually(is_cancelled)

    assert isinstance(asking.exception(), aiohttp.ClientError)
    assert before == ["kept"]


async def is_acknowledged(gateway: RunningGateway, job_id: str) -> bool:
    job = await record.read(gateway.scripts, job_id)
    return job is not None and "acknowledged" in job.times


async def speak(worker: PlayedWorker, going_on: asyncio.Event | None = None) -> None:
    """Answer the next prompt word by word, over about a second; `going_on`: what it waits for in the middle."""
    prompt, lease = await worker.claim()
    for number, word in enumerate(WORDS):
        if going_on and number == len(WORDS) // 2:
            await going_on.wait()
        assert (await worker.leases.show(lease, [Piece(word)])).kept == "kept"
        await asyncio.sleep(0.02)
    await worker.end(lease, a_completed(prompt, "".join(WORDS)))
