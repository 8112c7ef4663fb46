"""A batch whose gateway dies: the next one sees to the jobs that the first one handed in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.batches import kinds
from gateway.batches.asking import EMBEDDINGS, job_id_of, line_key
from gateway.batches.ends import LineLeft
from gateway.batches.holding import Held, LeaseLost
from gateway.batches.lines import Line
from gateway.batches.outputs import LineName, Told, told_of
from gateway.batches.runner import BATCH_RUNNER, MOST_LOOKED_AT
from gateway.batches.writing import Outputs, error_file_id
from gateway.files.store import STORE
from gateway.keys import BATCHES, CLOCK, FILES, PUBLISHER, REGISTRY
from gateway.prompts.job_desk import JOB_DESK
from infra.errors import Unavailable
from infra.ids import new_id
from infra.settings import KafkaSettings, RedisSettings
from producers.batches.store import Batch
from producers.events import BatchEnded, BatchFinalizing, BatchSubmitted, KeyRevoked
from producers.jobs import record
from tests.support.builders import a_cancelled, a_completed
from tests.support.eventually import eventually
from tests.support.files import a_line, answering, comes_to, show, submit, told, upload, with_store
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker

LINES, IN_FLIGHT = 9, 4


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    async with a_gateway(
        log_settings, redis_settings, parts=with_store(tmp_path, lines_in_flight=IN_FLIGHT)
    ) as running:
        yield running


@pytest.fixture
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played


async def begun(gateway: RunningGateway, worker: PlayedWorker) -> str:
    """A batch of which one line was answered and counted, and as many are in flight as may be."""
    batch_id = await submit(gateway, [a_line(str(n), f"q{n}") for n in range(LINES)])
    await worker.answer("yes")

    async def is_counted() -> bool:
        return bool((await show(gateway, batch_id))["request_counts"]["completed"] == 1)

    await eventually(is_counted)
    for _ in range(IN_FLIGHT):
        await worker.next_prompt()
    return batch_id


async def die(gateway: RunningGateway, batch_id: str) -> None:
    """Whoever runs the batch is gone, and nobody takes it up before `lines_in_flight` is more than none."""
    gateway.app[BATCH_RUNNER].lines_in_flight = 0
    running = next(each for each in asyncio.all_tasks() if each.get_name() == f"batch {batch_id}")
    running.cancel()
    await asyncio.wait([running])


async def states_of(gateway: RunningGateway, batch_id: str) -> list[str]:
    """The states of the jobs that there are; which line is answered first, nobody knows."""
    found = [await record.read(gateway.scripts, job_id_of(batch_id, n + 1)) for n in range(LINES)]
    return sorted(each.state for each in found if each is not None)


async def test_a_gateway_that_lacks_what_a_batch_needs_leaves_it_to_others(
    gateway: RunningGateway, log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    gateway.app[BATCH_RUNNER].lines_in_flight = 0
    batch_id = await submit(gateway, [a_line("0", "q0")])
    batch = await gateway.app[BATCHES].read(batch_id)
    assert batch is not None
    of_embeddings = replace(batch, submitted=structs.replace(batch.submitted, endpoint=EMBEDDINGS))
    async with a_gateway(log_settings, redis_settings) as without_store:
        rules_of = without_store.app[BATCH_RUNNER].rules_of
        assert (rules_of(batch), rules_of(of_embeddings)) == (None, None)

    rules_of = gateway.app[BATCH_RUNNER].rules_of
    assert rules_of(batch) is not None
    assert rules_of(of_embeddings) is None, "it has no embedding server"


async def test_a_batch_that_no_gateway_can_run_expires_and_its_input_is_free(gateway: RunningGateway) -> None:
    file = await upload(gateway, b"{}")
    now_ms = gateway.app[CLOCK].now_ms()
    (event,) = of_embeddings(gateway, 1, now_ms)
    await gateway.app[BATCHES].note(structs.replace(event, input_file_id=file.json["id"], expires_ms=now_ms), 0)
    ended = await comes_to(gateway, event.batch_id, "expired")
    async with gateway.http.delete(f"{gateway.url}/v1/files/{file.json['id']}") as deleted:
        assert deleted.status == 200

    assert ended["request_counts"]["total"] == 0


async def test_a_batch_is_taken_up_behind_any_number_that_no_gateway_can_run(gateway: RunningGateway) -> None:
    earlier_ms = gateway.app[CLOCK].now_ms() - 1000
    ahead = of_embeddings(gateway, MOST_LOOKED_AT + 1, earlier_ms)
    await asyncio.gather(*(gateway.app[BATCHES].note(each, 0) for each in ahead))

    await comes_to(gateway, await submit(gateway, [a_line("a", method="GET")]), "failed")

    assert {(await show(gateway, each.batch_id))["status"] for each in ahead[::100]} == {"validating"}


def of_embeddings(gateway: RunningGateway, count: int, at_ms: float) -> list[BatchSubmitted]:
    """Batches of embeddings, which this gateway cannot make."""
    return [
        BatchSubmitted(
            batch_id=new_id("batch", gateway.app[CLOCK]), tenant=gateway.tenant, key_id=gateway.key.event.id,
            endpoint=EMBEDDINGS, input_file_id="file-1", expires_ms=at_ms + 86_400_000, at_ms=at_ms,
        )
        for _ in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["cancelled", "its key revoked"])
async def test_no_job_of_a_batch_that_was_stopped_runs_on_after_its_gateway_died(
    gateway: RunningGateway, worker: PlayedWorker, how: str
) -> None:
    batch_id = await begun(gateway, worker)
    other = await gateway.issue(gateway.tenant)
    await die(gateway, batch_id)
    if how == "cancelled":
        assert (await gateway.post(f"/v1/batches/{batch_id}/cancel", {})).json["status"] == "cancelling"
    else:
        gateway.app[REGISTRY].registry.apply(KeyRevoked(id=gateway.key.event.id))
        gateway.http.headers["Authorization"] = f"Bearer {other.api_key}"
    gateway.app[BATCH_RUNNER].lines_in_flight = 1  # the next one may have less room than there are jobs

    ended = await comes_to(gateway, batch_id, "cancelled")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])

    assert await states_of(gateway, batch_id) == [*["aborted"] * IN_FLIGHT, "completed"]
    assert (len(answers), len(errors)) == (1, LINES - 1)


async def test_the_next_gateway_waits_for_what_is_running_and_tells_what_was_answered(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    batch_id = await submit(gateway, [a_line(str(n), f"q{n}") for n in range(LINES)])
    (prompt, lease), *others = [await worker.claim() for _ in range(IN_FLIGHT)]
    await die(gateway, batch_id)
    for each, its in others:
        await worker.end(its, a_completed(each))
    await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    gateway.app[BATCH_RUNNER].lines_in_flight = IN_FLIGHT

    async def is_told_to_stop() -> bool:
        return await worker.leases.renew([lease]) == ["cancelled"]

    await eventually(is_told_to_stop, what="a cancel that reaches the worker")
    meanwhile = (await show(gateway, batch_id))["status"]
    await worker.end(lease, a_cancelled(prompt, ran=True))
    ended = await comes_to(gateway, batch_id, "cancelled")

    assert meanwhile == "cancelling"
    assert ended["request_counts"] == {"total": LINES, "completed": IN_FLIGHT - 1, "failed": LINES - IN_FLIGHT + 1}


async def test_a_cancel_that_could_not_be_told_is_told_again(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = await begun(gateway, worker)
    desk, tried = gateway.app[JOB_DESK], asyncio.Event()

    async def fail(_: Any) -> None:
        tried.set()
        monkeypatch.undo()
        raise Unavailable("kafka", "for a moment", after_s=0.05)

    monkeypatch.setattr(desk, "cancel_unwanted", fail)
    await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    await comes_to(gateway, batch_id, "cancelled")

    assert tried.is_set()
    assert await states_of(gateway, batch_id) == [*["aborted"] * IN_FLIGHT, "completed"]


async def test_a_batch_whose_lines_have_all_ended_ends_once_the_log_is_back(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen, tried = gateway.app[PUBLISHER], asyncio.Event()
    publish = pen.publish

    async def fail(topic: Any, key: str, event: Any, *more: Any) -> Any:
        if isinstance(event, BatchFinalizing) and not tried.is_set():
            tried.set()
            raise Unavailable("kafka", "for a moment", after_s=0.05)
        return await publish(topic, key, event, *more)

    monkeypatch.setattr(pen, "publish", fail)
    async with answering(worker):
        ended = await comes_to(gateway, await submit(gateway, [a_line("a"), a_line("b")]), "completed")

    assert tried.is_set()
    assert ended["request_counts"]["completed"] == 2


@pytest.mark.parametrize("answered", [1, 0])
async def test_a_line_whose_job_ends_after_a_file_was_kept_is_in_one_file_and_is_counted_there(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch, answered: int
) -> None:
    """With answers the output is kept, and the error file is not; without, the error file, and the end is not told."""
    pen, tried = gateway.app[PUBLISHER], asyncio.Event()
    publish = pen.publish
    monkeypatch.setattr(kinds, "LAST_WORDS_S", 0.1)
    batch_id = await submit(gateway, [a_line(str(n), f"q{n}") for n in range(LINES)])
    for _ in range(answered):
        await worker.answer("yes")
    prompt, lease = await worker.claim()

    async def fail(topic: Any, key: str, event: Any, *more: Any) -> Any:
        is_next = key == error_file_id(batch_id) if answered else isinstance(event, BatchEnded)
        if is_next and not tried.is_set():
            tried.set()
            await worker.end(lease, a_completed(prompt))
            raise Unavailable("kafka", "for a moment", after_s=0.05)
        return await publish(topic, key, event, *more)

    monkeypatch.setattr(pen, "publish", fail)
    await gateway.post(f"/v1/batches/{batch_id}/cancel", {})
    ended = await comes_to(gateway, batch_id, "cancelled")
    answers, errors = await told(gateway, ended["output_file_id"]), await told(gateway, ended["error_file_id"])

    assert tried.is_set()
    assert (len(answers), len(errors)) == (answered, LINES - answered)
    assert set(answers) | set(errors) == {str(n) for n in range(LINES)}
    assert {each["error"]["code"] for each in errors.values()} == {"batch_cancelled"}
    assert ended["request_counts"] == {"total": LINES, "completed": answered, "failed": LINES - answered}
    assert ended["usage"]["output_tokens"] == 3 * answered


class Says:
    """Calls every line by the same name, and may lose the lease on the way."""

    def __init__(self, batch: Batch, name: str, on_the_way: Callable[[], Awaitable[object]] | None = None) -> None:
        self._batch = batch
        self._name = name
        self._on_the_way = on_the_way

    async def told(self, lines: Sequence[Line]) -> list[Told]:
        if self._on_the_way is not None:
            await self._on_the_way()
        return [self.left(each) for each in lines]

    def left(self, line: Line) -> Told:
        return told_of(LineName(line_key(self._batch.id, line.number), self._name, ""), LineLeft("failed"))


async def a_batch_that_nobody_runs(gateway: RunningGateway) -> Batch:
    gateway.app[BATCH_RUNNER].lines_in_flight = 0
    batch = await gateway.app[BATCHES].read(await submit(gateway, [a_line("a")]))
    assert batch is not None
    return batch


def outputs_of(gateway: RunningGateway, batch: Batch, holder: str) -> Outputs:
    runner = gateway.app[BATCH_RUNNER]
    rules = runner.rules_of(batch)
    assert rules is not None
    return Outputs(
        Held(batch, lambda: rules, replace(runner.holder, name=holder)), gateway.app[STORE], gateway.app[FILES]
    )


async def one_line() -> AsyncIterator[Line]:
    yield Line(1, 0, 9, b"{}")


async def test_of_two_who_hold_a_batch_one_alone_writes_its_files(gateway: RunningGateway, tmp_path: Path) -> None:
    batch = await a_batch_that_nobody_runs(gateway)
    stalled, other = (outputs_of(gateway, batch, each) for each in ("stalled", "other"))
    name = error_file_id(batch.id)

    async def lapse() -> None:
        await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}batch:{batch.id}:lease")

    async def be_taken_over() -> None:
        await lapse()
        assert await gateway.app[BATCHES].hold(batch.id, "other")

    with pytest.raises(LeaseLost):
        await stalled.write(one_line(), Says(batch, "of the one", be_taken_over))
    there = (tmp_path / name).exists()
    written = await other.write(one_line(), Says(batch, "of the other one"))
    await lapse()
    again = await stalled.write(one_line(), Says(batch, "later"))
    kept = await gateway.app[FILES].read(name)

    assert not there, "whose lease is gone leaves nothing"
    assert kept is not None
    assert (kept.size_bytes, stalled.name("error", again)) == (written.sizes_bytes["error"], name)
    assert written.tally.left == again.tally.left == 1
    assert list(await told(gateway, name)) == ["of the other one"], "what was kept stays"


async def test_a_file_that_was_kept_is_written_anew_where_its_bytes_were_lost(gateway: RunningGateway) -> None:
    batch = await a_batch_that_nobody_runs(gateway)
    outputs, name = outputs_of(gateway, batch, "the one"), error_file_id(batch.id)
    await outputs.write(one_line(), Says(batch, "lost"))
    await gateway.app[STORE].remove(name)
    again = await outputs.write(one_line(), Says(batch, "anew"))

    assert again.tally.left == 1
    assert list(await told(gateway, name)) == ["anew"]
