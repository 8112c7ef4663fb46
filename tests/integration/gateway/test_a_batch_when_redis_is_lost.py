"""A batch whose Redis loses what the log holds: it waits until the state view is whole again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.batches.asking import job_id_of
from gateway.batches.lines import Line
from gateway.batches.stopping import Stopping
from gateway.keys import PUBLISHER
from infra.errors import Unavailable
from infra.settings import KafkaSettings, RedisSettings
from producers.batches.store import Batches
from producers.events import BatchFinalizing
from producers.files.store import Files
from producers.log.places import Place
from producers.log.topics import BATCHES, FILES
from producers.state.positions import Move
from producers.state.retention import Retention
from tests.support.builders import CLOCK
from tests.support.eventually import eventually
from tests.support.files import CHAT, a_line, answering, comes_to, desks_of, jsonl, show, submit, upload, with_store
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker
from tests.support.views import applied

LINES = 3


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path)) as running:
        yield running


@pytest.fixture
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played


def loses_what_the_log_holds_of(
    what: str, gateway: RunningGateway
) -> tuple[Callable[[str], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """Takes that from Redis, as a restart or an emptied Redis does; and gives it back, as the state view does."""
    redis, kept = gateway.scripts.redis, dict[str, Any]()

    async def lose(batch_id: str) -> None:
        await gateway.mark_whole(is_whole=False)
        if what == "its jobs":
            homes = [f"{gateway.scripts.prefix}job:{job_id_of(batch_id, n + 1)}" for n in range(LINES)]
            kept.update({home: await redis.hgetall(home) for home in homes})
            await redis.delete(*homes)
        else:
            home = f"{gateway.scripts.prefix}batch:{batch_id}"
            kept[home] = await redis.hgetall(home)
            await redis.hdel(home, "validated")

    async def rebuild() -> None:
        for home, fields in kept.items():
            await redis.hset(home, mapping=fields)
        await gateway.mark_whole()

    return lose, rebuild


@pytest.mark.parametrize("what", ["its jobs", "its check"])
async def test_a_batch_is_not_written_while_the_log_is_read_again(
    gateway: RunningGateway,
    worker: PlayedWorker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    pen = gateway.app[PUBLISHER]
    publish = pen.publish
    lose, rebuild = loses_what_the_log_holds_of(what, gateway)

    async def lose_then_publish(topic: Any, key: str, event: Any, *more: Any) -> Any:
        if isinstance(event, BatchFinalizing):  # all lines have ended, and none is written yet
            await lose(event.batch_id)
        return await publish(topic, key, event, *more)

    monkeypatch.setattr(pen, "publish", lose_then_publish)
    async with answering(worker):
        batch_id = await submit(gateway, [a_line(str(n)) for n in range(LINES)])
        await eventually(lambda: "a batch waits" in caplog.text, what="a batch that waits")
    monkeypatch.undo()
    meanwhile = (await show(gateway, batch_id))["status"]
    await rebuild()
    ended = await comes_to(gateway, batch_id, "completed")

    assert meanwhile != "completed"
    assert ended["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
    assert ended["error_file_id"] is None


async def test_no_job_is_taken_for_ended_because_redis_has_lost_it(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    batch_id = await submit(gateway, [a_line(str(n)) for n in range(LINES)])
    await worker.next_prompt()
    lose, rebuild = loses_what_the_log_holds_of("its jobs", gateway)
    stopping = Stopping(batch_id, desks_of(gateway))

    async def lines() -> AsyncIterator[Line]:
        for number in range(1, LINES + 1):
            yield Line(number, 0, 0, None)

    await lose(batch_id)
    with pytest.raises(Unavailable):
        await stopping.find(lines(), cancel=True)
    await rebuild()
    await stopping.find(lines(), cancel=False)
    await lose(batch_id)
    with pytest.raises(Unavailable):
        await stopping.follow()

    assert not stopping.is_done
    await rebuild()


async def test_a_file_and_a_batch_whose_keys_redis_has_lost_are_known_again_from_the_log(
    gateway: RunningGateway,
) -> None:
    file = await upload(gateway, jsonl([a_line("a")]), once="k")
    asked = {"input_file_id": file.json["id"], "endpoint": CHAT, "completion_window": "24h"}
    first = await gateway.post("/v1/batches", asked, Idempotency_Key="k")
    stored = await Files(gateway.scripts, Retention()).read(file.json["id"])
    batch = await Batches(gateway.scripts, Retention()).read(first.json["id"])
    assert stored is not None
    assert batch is not None
    redis, prefix = gateway.scripts.redis, gateway.scripts.prefix

    await gateway.mark_whole(is_whole=False)
    await redis.delete(*[each async for each in redis.scan_iter(f"{prefix}once:*")])
    too_soon = await gateway.post("/v1/batches", asked, Idempotency_Key="k")
    for topic, event in ((FILES, stored), (BATCHES, batch.submitted)):
        await applied(gateway.scripts, event, Move(Place(topic.name, 0, 0), 0, 1, CLOCK.now_ms()))
    await gateway.mark_whole()
    again = await gateway.post("/v1/batches", asked, Idempotency_Key="k")
    other = await gateway.post("/v1/batches", asked | {"endpoint": "/v1/responses"}, Idempotency_Key="k")
    file_again = await upload(gateway, jsonl([a_line("a")]), once="k")
    other_file = await upload(gateway, jsonl([a_line("b")]), once="k")

    assert too_soon.status == 503
    assert (again.status, again.json["id"], again.json["created_at"]) == (200, batch.id, first.json["created_at"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (file_again.status, file_again.json) == (200, file.json)
    assert (other.status, other_file.status) == (422, 422)
    assert len((await gateway.get("/v1/batches")).json["data"]) == 1
