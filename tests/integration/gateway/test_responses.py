"""Responses: what follows is told exactly, wherever it is asked for; nothing is somebody else's."""

import asyncio
import json
from typing import Any

import aiohttp

from producers.events import AnswerFailed, JobError, Message
from producers.jobs.live import Piece
from tests.support.builders import a_completed
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway, events_of

BODY = {"model": MODEL, "input": "Why is the sky blue?"}
BACKGROUND = BODY | {"background": True}


async def delete(gateway: RunningGateway, response: str) -> None:
    async with gateway.http.delete(f"{gateway.url}/v1/responses/{response}") as deleted:
        assert deleted.status == 200


async def in_background(gateway: RunningGateway, **fields: Any) -> str:
    created = await gateway.post("/v1/responses", BACKGROUND | fields)
    assert created.status == 200, created.json
    assert created.json["status"] == "queued"
    return str(created.json["id"])


async def streamed(gateway: RunningGateway, response: str, query: str = "") -> list[dict[str, Any]]:
    found = await gateway.get(f"/v1/responses/{response}?stream=true{query}")
    assert found.status == 200
    return [json.loads(each.data) for each in events_of(found.content)]


async def post_streamed(gateway: RunningGateway, body: dict[str, Any]) -> list[dict[str, Any]]:
    found = await gateway.post("/v1/responses", body | {"stream": True})
    return [json.loads(each.data) for each in events_of(found.content)]


async def test_a_cut_stream_goes_on_at_another_gateway_by_its_numbers(
    gateway: RunningGateway, other_gateway: RunningGateway, worker: PlayedWorker
) -> None:
    response = await in_background(gateway)
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("It ")])
    async with gateway.http.get(f"{gateway.url}/v1/responses/{response}?stream=true") as cut:
        begun = await cut.content.readuntil(b'"delta":"It ","logprobs":[]}\n\n')
    seen = [json.loads(each.data) for each in events_of(begun)]
    last = seen[-1]["sequence_number"]
    reading = asyncio.create_task(streamed(other_gateway, response, f"&starting_after={last}"))
    await worker.leases.show(lease, [Piece("scatters.")])
    await worker.end(lease, a_completed(prompt, "It scatters."))

    whole = seen + await reading
    assert [each["sequence_number"] for each in whole] == list(range(len(whole)))
    assert "".join(each.get("delta", "") for each in whole) == "It scatters."
    assert whole[-1]["type"] == "response.completed"
    assert whole == await streamed(gateway, response)


async def test_nothing_after_the_last_event_is_204(gateway: RunningGateway, worker: PlayedWorker) -> None:
    response = await in_background(gateway)
    await worker.answer("So.")
    last = (await streamed(gateway, response))[-1]["sequence_number"]
    by_query = await gateway.get(f"/v1/responses/{response}?stream=true&starting_after={last}")
    by_header = await gateway.get(f"/v1/responses/{response}?stream=true", Last_Event_ID=str(last))

    assert (by_query.status, by_header.status) == (204, 204)


async def test_of_a_stream_that_is_no_longer_kept_the_end_tells_all(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    response = await in_background(gateway)
    await worker.answer("It ", "scatters.")
    before = await streamed(gateway, response)
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}tokens:job_{response.removeprefix('resp_')}")
    rest = await streamed(gateway, response, "&starting_after=5")
    seen_all = await gateway.get(
        f"/v1/responses/{response}?stream=true", Last_Event_ID=str(before[-1]["sequence_number"])
    )
    anew = await streamed(gateway, response)

    assert rest == before[-4:]
    assert rest[0]["text"] == "It scatters."
    assert seen_all.status == 204
    assert anew[-1]["response"] == before[-1]["response"]
    assert [each["sequence_number"] for each in anew] == list(range(len(anew)))


async def test_who_is_told_the_end_of_what_nobody_heard_is_told_it_once(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    response = await in_background(gateway)
    await worker.answer("It ", "scatters.")
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}tokens:job_{response.removeprefix('resp_')}")
    rest = await streamed(gateway, response, "&starting_after=5")
    again = await gateway.get(f"/v1/responses/{response}?stream=true&starting_after={rest[-1]['sequence_number']}")

    assert [each["sequence_number"] for each in rest] == [6, 7, 8, 9]
    assert again.status == 204


async def test_the_end_of_a_stream_that_was_followed_is_told_once(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    reading = asyncio.create_task(post_streamed(gateway, BODY))
    await worker.answer("So.")
    told = await reading
    response = told[-1]["response"]["id"]
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}tokens:job_{response.removeprefix('resp_')}")
    again = await gateway.get(f"/v1/responses/{response}?stream=true&starting_after={told[-1]['sequence_number']}")

    assert told[-1]["type"] == "response.completed"
    assert again.status == 204


async def test_a_failure_is_an_error_for_who_waits_and_a_status_for_who_asks_later(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    async def fail() -> None:
        prompt, lease = await worker.claim()
        await worker.end(lease, AnswerFailed(job_id=prompt.job_id, prompt=prompt, error=JobError("The model is gone.")))

    waiting = asyncio.create_task(gateway.post("/v1/responses", BODY))
    await fail()
    waited = await waiting
    later = await in_background(gateway)
    await fail()
    events = await streamed(gateway, later)

    assert (waited.status, waited.json["error"]["message"]) == (500, "The model is gone.")
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["error"] == {"code": "server_error", "message": "The model is gone."}


async def test_a_response_goes_on_behind_the_one_before_and_not_behind_its_instructions(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    first = await in_background(gateway, instructions="Be brief.")
    early = await gateway.post("/v1/responses", BODY | {"previous_response_id": first})
    await worker.answer("Scattering.")
    await gateway.get(f"/v1/responses/{first}?stream=true")
    second = await in_background(gateway, input="Of what?", previous_response_id=first)
    prompt, lease = await worker.claim()
    await worker.end(lease, a_completed(prompt, "Of light."))
    items = (await gateway.get(f"/v1/responses/{second}/input_items?order=asc&limit=2")).json

    assert (early.status, early.json["error"]["param"]) == (400, "previous_response_id")
    assert prompt.instructions is None
    assert prompt.messages == (
        Message("user", "Why is the sky blue?"), Message("assistant", "Scattering."), Message("user", "Of what?")
    )  # fmt: skip
    assert [each["role"] for each in items["data"]] == ["user", "assistant"]
    assert items["has_more"]


async def test_what_would_leave_no_room_for_an_answer_is_refused_before_it_is_a_job(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    first = await in_background(gateway)
    await worker.answer("x" * 3_200_000)
    refused = await gateway.post("/v1/responses", BODY | {"previous_response_id": first})
    listed = await gateway.get("/v1/jobs")

    assert (refused.status, refused.json["error"]["code"]) == (413, "too_large")
    assert [each["status"] for each in listed.json["data"]] == ["completed"]


async def test_the_same_key_gives_the_same_response(gateway: RunningGateway, worker: PlayedWorker) -> None:
    first = await gateway.post("/v1/responses", BACKGROUND, Idempotency_Key='"a-key"')
    again = await gateway.post("/v1/responses", BACKGROUND, Idempotency_Key='"a-key"')
    other = await gateway.post("/v1/responses", BACKGROUND | {"input": "Else?"}, Idempotency_Key='"a-key"')

    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status == 422


async def test_a_stream_that_is_told_again_says_so(gateway: RunningGateway, worker: PlayedWorker) -> None:
    asked = BACKGROUND | {"stream": True}
    asking = asyncio.create_task(gateway.post("/v1/responses", asked, Idempotency_Key="k"))
    await worker.answer("Scattering.")
    first = await asking
    again = await gateway.post("/v1/responses", asked, Idempotency_Key="k")

    assert b"Scattering." in again.content
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")


async def test_a_stream_that_is_asked_for_again_while_it_runs_is_a_stream_again(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    async def asked() -> aiohttp.ClientResponse:
        body, headers = BACKGROUND | {"stream": True}, {"Idempotency-Key": "k"}
        return await gateway.http.post(f"{gateway.url}/v1/responses", json=body, headers=headers)

    async with await asked() as cut:
        begun = await cut.content.readuntil(b"event: response.queued")
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("It ")])
    async with await asked() as running:
        await worker.leases.show(lease, [Piece("scatters.")])
        await worker.end(lease, a_completed(prompt, "It scatters."))
        whole = await running.read()
    async with await asked() as ended:
        again = await ended.read()

    assert running.content_type == "text/event-stream", whole
    assert running.headers["Idempotent-Replayed"] == "true"
    assert whole.startswith(begun)
    assert "".join(json.loads(each.data).get("delta", "") for each in events_of(whole)) == "It scatters."
    assert again == whole, "the numbers are those of the stream that was cut"


async def test_a_repeat_is_told_what_became_of_the_first_whatever_was_deleted_since(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    before = await in_background(gateway)
    await worker.answer("Scattering.")
    await gateway.get(f"/v1/responses/{before}?stream=true")
    asked = BACKGROUND | {"previous_response_id": before}

    first = await gateway.post("/v1/responses", asked, Idempotency_Key='"next"')
    await worker.answer("Of light.")
    await gateway.get(f"/v1/responses/{first.json['id']}?stream=true")
    await delete(gateway, before)
    again = await gateway.post("/v1/responses", asked, Idempotency_Key='"next"')
    await delete(gateway, first.json["id"])
    gone = await gateway.post("/v1/responses", asked, Idempotency_Key='"next"')

    assert (again.status, again.json["id"]) == (200, first.json["id"])
    assert (gone.status, gone.json["error"]["code"]) == (404, "not_found")


async def test_a_job_is_no_response_and_an_unknown_one_is_not_there(gateway: RunningGateway) -> None:
    job = (await gateway.post("/v1/jobs", BODY)).json["id"]

    for response in (f"resp_{job.removeprefix('job_')}", job, "resp_1", "resp_" + "x" * 300):
        for found in (
            await gateway.get(f"/v1/responses/{response}"),
            await gateway.post(f"/v1/responses/{response}/cancel", {}),
            await gateway.get(f"/v1/responses/{response}/input_items"),
        ):
            assert (found.status, found.json["error"]["code"]) == (404, "not_found")


async def test_a_number_that_is_none_is_refused(gateway: RunningGateway) -> None:
    response = await in_background(gateway)

    for wrong in ("-1", "x", "1.5", "9" * 19):
        found = await gateway.get(f"/v1/responses/{response}?stream=true&starting_after={wrong}")
        assert (found.status, found.json["error"]["param"]) == (400, "starting_after")


async def test_what_nobody_knows_is_not_included_where_a_response_is_read(gateway: RunningGateway) -> None:
    here = f"/v1/responses/{await in_background(gateway)}"
    for path in (here, f"{here}/input_items"):
        known = await gateway.get(f"{path}?include[]=reasoning.encrypted_content&include=file_search_call.results")
        wrong = await gateway.get(f"{path}?include=message.output_text.logprobs&include=foo")
        assert known.status == 200
        assert (wrong.status, wrong.json["error"]["param"]) == (400, "include")
