"""Batches over HTTP, on a gateway that runs them: checked, answered by jobs, written out, cancelled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.batches import kinds
from gateway.batches.asking import job_id_of
from gateway.batches.runner import BATCH_RUNNER
from gateway.files.store import STORE
from gateway.keys import BATCHES, CLOCK, FILES, INTAKE, PUBLISHER, REGISTRY, SCRIPTS
from infra.errors import TooLarge
from infra.ids import new_id
from infra.settings import KafkaSettings, RedisSettings
from producers.events import (
    BatchEnded,
    BatchFinalizing,
    BatchSubmitted,
    BatchValidated,
    KeyRevoked,
    PromptSubmitted,
    Webhook,
)
from producers.idempotency import naming
from producers.jobs import record
from producers.log.topics import BATCHES as TOPIC
from producers.settings import ModerationSettings
from tests.support.builders import CLOCK as CLOCK_OF_TESTS
from tests.support.builders import a_failed, a_prompt
from tests.support.eventually import eventually
from tests.support.files import CHAT, a_line, answering, comes_to, jsonl, show, submit, told, upload, with_store
from tests.support.gateway import MODEL, Log, PlayedWorker, RunningGateway, a_gateway, a_played_worker


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path, lines_in_flight=4)) as running:
        yield running


@pytest.fixture
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played


async def test_a_batch_answers_every_line_and_tells_of_each_once(gateway: RunningGateway, worker: PlayedWorker) -> None:
    log = Log(gateway.kafka, [TOPIC])
    await log.start()
    lines = [a_line(f"line {n}", "fail" if n == 3 else f"answer {n}") for n in range(10)]
    async with answering(worker):
        batch_id = await submit(gateway, lines, metadata={"run": "7"})
        ended = await comes_to(gateway, batch_id, "completed")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])
    events = [(await log.next(gateway.tenant))[0] for _ in range(4)]
    await log.close()

    assert ended["request_counts"] == {"total": 10, "completed": 9, "failed": 1}
    assert (ended["model"], ended["endpoint"], ended["errors"]) == (MODEL, "/v1/chat/completions", None)
    assert ended["metadata"] == {"run": "7"}
    assert (ended["usage"]["input_tokens"], ended["usage"]["output_tokens"]) == (9 * 7, 9 * 3)
    assert ended["created_at"] <= ended["in_progress_at"] <= ended["finalizing_at"] <= ended["completed_at"]
    assert ended["expires_at"] - ended["created_at"] == 24 * 3600
    assert set(answers) == {f"line {n}" for n in range(10) if n != 3}
    first = answers["line 0"]
    assert first["id"].startswith("batch_req_")
    assert (first["error"], first["response"]["status_code"]) == (None, 200)
    assert first["response"]["body"]["choices"][0]["message"]["content"] == "answer 0"
    failed = errors["line 3"]
    assert (failed["error"], failed["response"]["status_code"]) == (None, 500)
    assert failed["response"]["body"]["error"]["message"] == "the model server is gone"
    assert [type(each) for each in events] == [BatchSubmitted, BatchValidated, BatchFinalizing, BatchEnded]
    job = await record.read(gateway.app[SCRIPTS], first["response"]["request_id"])
    assert job is not None
    assert (job.prompt.lane, job.prompt.deadline_ms, job.prompt.key_id) == (
        "batch", (events[0]).expires_ms, gateway.key.event.id
    )  # fmt: skip


async def test_a_batch_says_where_its_end_is_to_be_told_and_never_within(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    hook = {"url": "https://example.com/hook"}
    log = Log(log_settings, [TOPIC])
    await log.start()
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path)) as gateway:
        wrong = [a_line("a", method="GET")]
        await comes_to(gateway, await submit(gateway, wrong, metadata={"run": "7"}, webhook=hook), "failed")
        file_id = (await gateway.get("/v1/files")).json["data"][0]["id"]
        inward = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
        refused = await gateway.post("/v1/batches", inward | {"webhook": {"url": "https://10.0.0.1/"}})
        said = [(await log.next(gateway.tenant))[0] for _ in range(2)]
    await log.close()

    assert (refused.status, refused.json["error"]["param"]) == (400, "webhook.url")
    assert isinstance(said[1], BatchEnded)
    assert (said[1].status, said[1].webhook, said[1].key_id, said[1].metadata) == (
        "failed", Webhook("https://example.com/hook"), gateway.key.event.id, {"run": "7"},
    )  # fmt: skip


async def test_a_line_that_moderation_refuses_is_told_so_and_never_runs(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> None:
    parts = {**with_store(tmp_path), "moderation": ModerationSettings(prompts="tests.support.moderation:no_rivers")}
    async with a_gateway(log_settings, redis_settings, parts=parts) as gateway, a_played_worker(gateway) as worker:
        async with answering(worker):
            ended = await comes_to(
                gateway, await submit(gateway, [a_line("a", "a lake"), a_line("b", "a river")]), "completed"
            )
        answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])

    assert (list(answers), list(errors)) == (["a"], ["b"])
    assert errors["b"]["response"]["status_code"] == 400
    error = errors["b"]["response"]["body"]["error"]
    assert (error["code"], error["param"]) == ("content_filter", "messages")
    assert "no rivers" in error["message"]


async def test_never_more_lines_are_in_flight_than_may_be(gateway: RunningGateway, worker: PlayedWorker) -> None:
    await submit(gateway, [a_line(str(n), f"q{n}") for n in range(9)])

    async def in_flight() -> int:
        return int(await gateway.scripts.redis.scard(f"{gateway.scripts.prefix}inflight:{gateway.key.event.id}"))

    held = [await worker.next_prompt() for _ in range(4)]
    assert (await in_flight(), worker.log.nothing_waits()) == (4, True)
    for number in (4, 5):  # the first line has not ended, and holds nobody up
        prompt, place = next(each for each in held if each[0].messages[0].content == f"q{number - 3}")
        await worker.end(await worker.lease_of(prompt, place), a_failed(prompt))
        assert (await worker.next_prompt())[0].messages[0].content == f"q{number}"
        assert await in_flight() == 4


async def test_an_input_that_is_wrong_fails_with_the_numbers_of_its_lines(gateway: RunningGateway) -> None:
    good = a_line("a")
    wrong: list[Any] = [
        good,
        a_line("a"),
        a_line("c", method="GET"),
        a_line("d", url="/v1/embeddings"),
        a_line("e", body={"model": "other/model", "messages": [{"role": "user", "content": "x"}]}),
        a_line("f", body={"model": MODEL, "messages": [], "temperature": 9}),
        a_line("g", body=good["body"] | {"stream": True}),
        a_line(""),
        {"custom_id": "h"},
        [],
    ]
    content = jsonl(wrong) + b"\n{no json\n"
    file = await upload(gateway, content)
    asked = {"input_file_id": file.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    made = await gateway.post("/v1/batches", asked)
    ended = await comes_to(gateway, made.json["id"], "failed")

    found = [(each["line"], each["code"], each["param"]) for each in ended["errors"]["data"]]
    assert found == [
        (2, "duplicate_custom_id", "custom_id"),
        (3, "invalid_method", "method"),
        (4, "mismatched_endpoint", "url"),
        (5, "mismatched_model", "body.model"),
        (6, "invalid_request", "body.messages"),
        (7, "invalid_request", "body.stream"),
        (8, "invalid_custom_id", "custom_id"),
        (9, "invalid_line", "method"),
        (10, "invalid_json_line", None),
        (12, "invalid_json_line", None),
    ]
    assert ended["failed_at"] is not None
    assert (ended["in_progress_at"], ended["finalizing_at"]) == (None, None)
    assert ended["output_file_id"] is None
    assert ended["request_counts"]["total"] == 0


async def test_an_empty_input_fails(gateway: RunningGateway) -> None:
    ended = await comes_to(gateway, await submit(gateway, []), "failed")

    assert [each["code"] for each in ended["errors"]["data"]] == ["empty_file"]


async def test_what_no_batch_can_be_made_of_is_refused_at_once(gateway: RunningGateway) -> None:
    file = (await upload(gateway, jsonl([a_line("a")]))).json["id"]
    good = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    other = await gateway.issue("somebody-else")
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"input_file_id": "file-none"}, 404, "input_file_id"),
        ({"endpoint": "/v1/fine_tunes"}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"metadata": {str(n): "" for n in range(17)}}, 400, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "output_expires_after.seconds"),
        ({"colour": "blue"}, 400, "colour"),
    ]
    for change, status, param in cases:
        answer = await gateway.post("/v1/batches", good | change)
        assert (answer.status, answer.json["error"]["param"]) == (status, param)
    foreign = await gateway.post("/v1/batches", good, Authorization=f"Bearer {other.api_key}")
    assert foreign.status == 404


async def test_a_cancelled_batch_keeps_what_was_answered(gateway: RunningGateway, worker: PlayedWorker) -> None:
    batch_id = await submit(gateway, [a_line(str(n), f"q{n}") for n in range(9)])
    for _ in range(3):
        await worker.answer("yes")

    cancelled = await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    ended = await comes_to(gateway, batch_id, "cancelled")
    again = await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])

    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelling")
    assert (again.status, again.json) == (200, ended)
    assert ended["cancelling_at"] <= ended["cancelled_at"]
    assert len(answers) == 3
    assert {each["error"]["code"] for each in errors.values()} == {"batch_cancelled"}
    assert set(answers) | set(errors) == {str(n) for n in range(9)}
    assert ended["request_counts"] == {"total": 9, "completed": 3, "failed": 6}
    left = await gateway.scripts.redis.scard(f"{gateway.scripts.prefix}inflight:{gateway.key.event.id}")
    assert left == 0


async def test_a_batch_whose_time_is_over_tells_of_the_lines_that_are_left(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await upload(gateway, jsonl([a_line("a", "x"), a_line("b", "y")]))
    now_ms = gateway.app[CLOCK].now_ms()
    event = BatchSubmitted(
        batch_id="batch_short", tenant=gateway.tenant, key_id=gateway.key.event.id, endpoint="/v1/chat/completions",
        input_file_id=file.json["id"], expires_ms=now_ms + 3_600_000, at_ms=now_ms,
    )  # fmt: skip
    # Nobody ends the jobs of this test at their deadline.
    monkeypatch.setattr(kinds, "LAST_WORDS_S", 0.1)
    await gateway.app[BATCHES].note(event, 0)
    await worker.answer("yes")
    prompt, _ = await worker.next_prompt()
    # Not before both lines are handed in, however long that takes.
    monkeypatch.setattr(gateway.app[CLOCK], "now_ms", lambda: event.expires_ms + 1)
    ended = await comes_to(gateway, "batch_short", "expired")

    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])
    assert (len(answers), len(errors)) == (1, 1)
    assert [each["error"]["code"] for each in errors.values()] == ["batch_expired"]
    assert set(answers) | set(errors) == {"a", "b"}
    assert prompt.deadline_ms == event.expires_ms


async def test_a_batch_whose_key_was_revoked_ends(gateway: RunningGateway, worker: PlayedWorker) -> None:
    batch_id = await submit(gateway, [a_line(str(n), f"q{n}") for n in range(9)])
    await worker.answer("yes")
    other = await gateway.issue(gateway.tenant)
    gateway.app[REGISTRY].registry.apply(KeyRevoked(id=gateway.key.event.id))
    gateway.http.headers["Authorization"] = f"Bearer {other.api_key}"

    ended = await comes_to(gateway, batch_id, "cancelled")

    assert ended["request_counts"]["completed"] == 1
    assert [each["code"] for each in ended["errors"]["data"]] == ["key_unusable"]


async def test_batches_are_listed_in_pages_and_another_tenant_sees_none(gateway: RunningGateway) -> None:
    ids = [await submit(gateway, [a_line(str(n), f"q{n}")]) for n in range(3)]
    first = (await gateway.get("/v1/batches?limit=2")).json
    rest = (await gateway.get(f"/v1/batches?limit=2&after={first['last_id']}")).json
    other = await gateway.issue("somebody-else")
    bearer = f"Bearer {other.api_key}"
    foreign = [
        (await gateway.get(f"/v1/batches/{ids[0]}", Authorization=bearer)).status,
        (await gateway.post(f"/v1/batches/{ids[0]}/cancel", {}, Authorization=bearer)).status,
    ]

    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[:1], False)
    assert foreign == [404, 404]
    assert (await gateway.get("/v1/batches", Authorization=bearer)).json["data"] == []


async def test_the_same_idempotency_key_gives_the_same_batch_and_the_same_file(gateway: RunningGateway) -> None:
    file = (await upload(gateway, jsonl([a_line("a")]))).json["id"]
    asked = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    first = await gateway.post("/v1/batches", asked, Idempotency_Key="k")
    again = await gateway.post("/v1/batches", asked, Idempotency_Key="k")
    other = await gateway.post("/v1/batches", asked | {"metadata": {"a": "b"}}, Idempotency_Key="k")

    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status == 422


async def test_a_line_whose_job_was_given_up_is_handed_in_anew(gateway: RunningGateway, worker: PlayedWorker) -> None:
    """A gateway died between accepting a line's job and the log; long after, the reaper took it back."""
    file = await upload(gateway, jsonl([a_line("a", "yes")]))
    batch_id, now_ms = new_id("batch", CLOCK_OF_TESTS), gateway.app[CLOCK].now_ms()
    event = BatchSubmitted(
        batch_id=batch_id, tenant=gateway.tenant, key_id=gateway.key.event.id, endpoint="/v1/chat/completions",
        input_file_id=file.json["id"], expires_ms=now_ms + 60_000, at_ms=now_ms,
    )  # fmt: skip
    prompt = a_prompt(
        job_id=job_id_of(batch_id, 1), tenant=gateway.tenant, key_id=gateway.key.event.id, lane="batch",
        idempotency_key=naming.key_of_line(batch_id, 1), route="/v1/chat/completions",
    )  # fmt: skip
    await gateway.app[INTAKE].accept(prompt, gateway.key.event.limits)
    await gateway.app[INTAKE].abort(prompt.job_id, 0)

    async with answering(worker):
        await gateway.app[BATCHES].note(event, 0)
        ended = await comes_to(gateway, batch_id, "completed")

    assert ended["request_counts"]["completed"] == 1


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(TooLarge("5,282,114 bytes"), 413, "too_large"), (TypeError("unforeseen"), 500, "internal_error")],
)
async def test_an_error_of_one_line_ends_that_line_and_no_other(
    gateway: RunningGateway,
    worker: PlayedWorker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    code: str,
) -> None:
    submit_prompt = gateway.app[PUBLISHER].submit

    async def submit_or_fail(prompt: PromptSubmitted) -> Any:
        if prompt.messages[0].content == "bad":
            raise error
        return await submit_prompt(prompt)

    monkeypatch.setattr(gateway.app[PUBLISHER], "submit", submit_or_fail)
    async with answering(worker):
        batch_id = await submit(gateway, [a_line("a"), a_line("b", "bad"), a_line("c")])
        ended = await comes_to(gateway, batch_id, "completed")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])
    response = errors["b"]["response"]
    job = await record.read(gateway.app[SCRIPTS], job_id_of(batch_id, 2))
    in_flight = await gateway.scripts.redis.scard(f"{gateway.scripts.prefix}inflight:{gateway.key.event.id}")

    assert (list(answers), list(errors)) == (["a", "c"], ["b"])
    assert ended["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert (response["status_code"], response["body"]["error"]["code"]) == (status, code)
    assert response["body"]["error"]["message"].startswith("Line 2: ")
    assert "a line cannot be handed in" in caplog.text
    assert job is not None
    assert (job.state, in_flight) == ("failed", 0), "what was held back for it has returned"


async def test_no_idempotency_key_of_a_client_takes_a_lines_place(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    gateway.app[BATCH_RUNNER].lines_in_flight = 0
    batch_id = await submit(gateway, [a_line("a")])
    mine = a_prompt(
        tenant=gateway.tenant, key_id=gateway.key.event.id, route=CHAT, idempotency_key=f"{batch_id}/1", fingerprint="x"
    )
    await gateway.app[INTAKE].accept(mine, gateway.key.event.limits)
    gateway.app[BATCH_RUNNER].lines_in_flight = 4

    async with answering(worker):
        ended = await comes_to(gateway, batch_id, "completed")
    assert ended["request_counts"]["completed"] == 1


async def test_what_a_batch_reads_cannot_be_deleted_before_its_end(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    batch_id = await submit(gateway, [a_line("a")])
    here = f"/v1/files/{(await show(gateway, batch_id))['input_file_id']}"
    async with gateway.http.delete(f"{gateway.url}{here}") as response:
        refused, why = response.status, (await response.json())["error"]
    async with answering(worker):
        ended = await comes_to(gateway, batch_id, "completed")
    async with gateway.http.delete(f"{gateway.url}{here}") as response:
        deleted = response.status
    anew = await gateway.post(
        "/v1/batches", {"input_file_id": ended["input_file_id"], "endpoint": CHAT, "completion_window": "24h"}
    )

    assert (refused, why["code"]) == (409, "file_in_use")
    assert batch_id in why["message"]
    assert (deleted, anew.status) == (200, 404)


async def test_no_batch_begins_to_read_a_file_whose_deletion_is_on_its_way(gateway: RunningGateway) -> None:
    """Another gateway deletes the file while this one takes a batch of it."""
    file = await upload(gateway, jsonl([a_line("a")]))
    assert await gateway.app[FILES].withdraw(file.json["id"]) is None

    asked = {"input_file_id": file.json["id"], "endpoint": CHAT, "completion_window": "24h"}
    assert (await gateway.post("/v1/batches", asked)).status == 404


@pytest.mark.parametrize(("cancelled", "status"), [(True, "cancelled"), (False, "failed")])
async def test_a_batch_whose_input_is_gone_still_tells_what_was_answered(
    gateway: RunningGateway, worker: PlayedWorker, cancelled: bool, status: str
) -> None:
    """Somebody emptied the bucket by hand; another gateway goes on with the batch."""
    batch_id = await submit(gateway, [a_line(str(n), f"q{n}") for n in range(8)])  # two are never handed in
    for _ in range(2):
        await worker.answer("yes")
    await gateway.app[STORE].remove((await show(gateway, batch_id))["input_file_id"])
    if cancelled:
        await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    else:
        await break_off(gateway, batch_id)
        async with answering(worker):
            await comes_to(gateway, batch_id, status)
    ended = await comes_to(gateway, batch_id, status)
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])

    assert "input_file_gone" in [each["code"] for each in ended["errors"]["data"]]
    assert len(answers) == 2 if cancelled else len(answers) >= 2
    assert set(answers) | set(errors) == {f"line-{n}" for n in range(1, 9)}
    assert ended["request_counts"] == {"total": 8, "completed": len(answers), "failed": len(errors)}


async def break_off(gateway: RunningGateway, batch_id: str) -> None:
    """Have the batch taken up anew, as by a gateway after another's death."""
    running = next(each for each in asyncio.all_tasks() if each.get_name() == f"batch {batch_id}")
    running.cancel()
    await asyncio.wait([running])


async def test_the_outputs_life_is_as_asked(gateway: RunningGateway, worker: PlayedWorker) -> None:
    async with answering(worker):
        batch_id = await submit(gateway, [a_line("a")], output_expires_after={"anchor": "created_at", "seconds": 7200})
        ended = await comes_to(gateway, batch_id, "completed")
    output = await gateway.app[FILES].read(ended["output_file_id"])

    assert output is not None
    assert (output.expires_ms - output.at_ms, output.purpose) == (7_200_000, "batch_output")


async def test_counts_grow_as_lines_end(gateway: RunningGateway, worker: PlayedWorker) -> None:
    batch_id = await submit(gateway, [a_line(str(n), f"q{n}") for n in range(6)])
    held = await worker.next_prompt()
    await worker.answer("yes")

    async def counted() -> bool:
        return bool((await show(gateway, batch_id))["request_counts"] == {"total": 6, "completed": 1, "failed": 0})

    await eventually(counted, what="a line that ended behind one that has not")
    await worker.end(await worker.lease_of(*held), a_failed(held[0]))
    await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    await comes_to(gateway, batch_id, "cancelled")


async def test_a_batch_of_which_nothing_is_known_any_more_is_open_no_more(gateway: RunningGateway) -> None:
    await gateway.scripts.redis.zadd(f"{gateway.scripts.prefix}batches:open", {"batch_gone": 1.0})

    async def is_gone() -> bool:
        return await gateway.app[BATCHES].open(9) == []

    await eventually(is_gone, what="no open batch")
