"""A batch whose lines are long: their words are in memory until the log holds them, and no longer."""

import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path
from weakref import ref

import pytest

from gateway.batches.filling import Filling
from gateway.batches.lines import Line
from gateway.batches.runner import BATCH_RUNNER
from gateway.keys import BATCHES, INTAKE, PUBLISHER
from infra.errors import Unavailable
from infra.settings import KafkaSettings, RedisSettings
from producers.batches.store import Progress
from producers.events import PromptSubmitted
from producers.log.outgoing import Written
from tests.support.builders import CLOCK, a_completed
from tests.support.files import a_line, desks_of, submit, with_store
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker

LINES, IN_FLIGHT = 5, 3
PATIENCE_MS = 30_000


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path, lines_in_flight=0)) as running:
        yield running


@pytest.fixture
async def worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    async with a_played_worker(gateway) as played:
        yield played


class Lines:
    """The lines of an input, and which of those that were taken are still in memory."""

    def __init__(self) -> None:
        self._taken: list[ref[Line]] = []

    async def __aiter__(self) -> AsyncIterator[Line]:
        for number in range(1, LINES + 1):
            yield self._taking(Line(number, number, number + 1, json.dumps(a_line(str(number))).encode()))

    @property
    def taken(self) -> int:
        return len(self._taken)

    def in_memory(self) -> list[Line]:
        gc.collect()
        return [line for each in self._taken if (line := each()) is not None]

    def _taking(self, line: Line) -> Line:
        self._taken.append(ref(line))
        return line


async def filled(gateway: RunningGateway, lines: Lines) -> Filling:
    """A batch that this test itself fills."""
    batch_id = await submit(gateway, [a_line("a")])
    batch = await gateway.app[BATCHES].read(batch_id)
    assert batch is not None
    rules = gateway.app[BATCH_RUNNER].rules_of(batch)
    assert rules is not None
    return Filling(batch.submitted, aiter(lines), Progress(), rules, desks_of(gateway))


async def test_the_words_of_a_line_are_let_go_once_the_log_holds_them(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    lines = Lines()
    filling = await filled(gateway, lines)
    await filling.step(IN_FLIGHT)
    handed_in = (lines.taken, lines.in_memory())
    claimed = sorted([await worker.claim() for _ in range(IN_FLIGHT)], key=lambda each: each[0].idempotency_key or "")
    for prompt, lease in claimed[1:]:  # the first one takes long
        await worker.end(lease, a_completed(prompt))
    await filling.step(IN_FLIGHT)

    assert handed_in == (IN_FLIGHT, [])
    assert (lines.taken, lines.in_memory()) == (LINES, [])
    assert filling.progress == Progress(beyond_completed=IN_FLIGHT - 1)


async def test_a_line_whose_job_is_unknown_after_all_is_read_again(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    lines = Lines()
    filling = await filled(gateway, lines)
    await filling.step(1)
    prompt, _ = await worker.claim()
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}job:{prompt.job_id}")

    with pytest.raises(Unavailable):
        await filling.step(1)


async def test_a_line_that_is_handed_in_again_is_not_given_up_while_it_is_on_its_way(
    gateway: RunningGateway, worker: PlayedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, intake, redis = gateway.app[PUBLISHER], gateway.app[INTAKE], gateway.scripts.redis
    submit_prompt, given_up = publisher.submit, list[bool]()
    filling = await filled(gateway, Lines())

    async def be_slow(prompt: PromptSubmitted) -> Written:
        job = f"{gateway.scripts.prefix}job:{prompt.job_id}"
        await redis.hset(job, "accepted_ms", str(CLOCK.now_ms() - 2 * PATIENCE_MS))
        raise Unavailable("kafka", "slow", after_s=0)

    async def meet_the_reaper(prompt: PromptSubmitted) -> Written:
        given_up.append(await intake.abort(prompt.job_id, PATIENCE_MS))
        return await submit_prompt(prompt)

    monkeypatch.setattr(publisher, "submit", be_slow)
    await filling.step(1)
    monkeypatch.setattr(publisher, "submit", meet_the_reaper)
    await filling.step(1)
    assert given_up == [False]

    prompt, lease = await worker.claim()
    await worker.end(lease, a_completed(prompt))
    await filling.step(0)
    assert filling.progress.completed == 1
