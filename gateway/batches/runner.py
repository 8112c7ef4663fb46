"""Takes up the batches that nobody runs, oldest first, and has the store swept.

A batch is run by one gateway at a time, under a lease in Redis. One that dies leaves it within seconds to another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import get_args

from aiohttp import web

from gateway.batches.asking import Rules
from gateway.batches.holding import Held, Holder, LeaseLost
from gateway.batches.running import Running
from gateway.files.sweeping import Sweeper
from infra.errors import Unavailable
from infra.telemetry.metrics import Metrics
from producers.batches.store import Batch
from producers.events import BatchStatus
from producers.state import view

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
MOST_AT_ONCE = 64
"""Batches that one gateway runs side by side; they share its lines in flight."""
MOST_LOOKED_AT = 256
"""Open batches that are looked at in a round, for those that nobody runs; the next round looks at those behind them."""
CLEAR_EVERY_S = 600.0


@dataclass
class Runner:
    """The batches that this gateway runs, each as `begin` makes it of what is held.

    `rules_of` says by what a batch is judged; where it is None, the batch is left to other gateways.
    """

    holder: Holder
    begin: Callable[[Held], Running]
    rules_of: Callable[[Batch], Rules | None]
    sweeper: Sweeper
    metrics: Metrics
    lines_in_flight: int
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _skipped: int = 0
    """So many of the oldest were looked at in the round before, and there was room for more."""

    async def run(self) -> None:
        """Run batches until cancelled; then let go of all, so that others may go on at once."""
        for status in get_args(BatchStatus):
            self.metrics.batches.labels(status)  # so that each is told from the start, as 0
        try:
            async with asyncio.TaskGroup() as group:
                for work, every_s in (
                    (self._take_up, LOOK_EVERY_S),
                    (self._renew, self.holder.batches.lease_ms / 3000),
                    (self.sweeper.sweep, LOOK_EVERY_S),
                    (self.sweeper.clear, CLEAR_EVERY_S),
                ):
                    group.create_task(self._again_and_again(work, every_s), name=f"batches: {work.__name__}")
        finally:
            await self._let_go()

    def room(self) -> int:
        """How many lines each batch may have in flight."""
        return max(1, self.lines_in_flight // max(1, len(self._tasks)))

    async def _again_and_again(self, work: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            try:
                await work()
            except Unavailable as error:
                log.debug("batches wait: %s", error)
            except Exception:
                # Nobody planned this. The requests beside us must go on, and the next round may fare better.
                log.exception("a round of the batches broke off")
            await asyncio.sleep(every_s)

    async def _take_up(self) -> None:
        skip, self._skipped = self._skipped, 0
        found = await self.holder.batches.open(MOST_LOOKED_AT, skip) if self.lines_in_flight else []
        others = [each for each in found if each not in self._tasks]
        # Of a view that is not whole nobody knows what has ended since.
        if not others or not await view.is_whole(self.holder.scripts):
            return
        for batch_id in others:
            if len(self._tasks) >= MOST_AT_ONCE:
                return
            batch = await self.holder.batches.read(batch_id)
            if batch is None:
                await self.holder.batches.forget_open(batch_id)
            elif self.rules_of(batch) and await self.holder.batches.hold(batch_id, self.holder.name):
                self._begin(batch)
        if len(found) == MOST_LOOKED_AT:
            self._skipped = skip + len(found)

    def _begin(self, batch: Batch) -> None:
        task = asyncio.create_task(self._run(batch), name=f"batch {batch.id}")
        self._tasks[batch.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(batch.id, None))

    async def _run(self, batch: Batch) -> None:
        def rules() -> Rules:
            found = self.rules_of(batch)
            assert found is not None  # noqa: S101 # what is known once stays known
            return found

        try:
            status = await self.begin(Held(batch, rules, self.holder)).run(self.room)
            self.metrics.batches.labels(status).inc()
        except LeaseLost:
            log.warning("another gateway runs the batch now", extra={"batch_id": batch.id})
        except Exception:
            # It is taken up again once the lease has lapsed.
            log.exception("a batch broke off", extra={"batch_id": batch.id})

    async def _renew(self) -> None:
        """Keep what is ours. What has ended needs no lease: whoever told of that counts it, and tidies up after it."""
        batches = self.holder.batches
        for batch_id, task in list(self._tasks.items()):
            if await batches.hold(batch_id, self.holder.name):
                continue
            batch = await batches.read(batch_id)
            if (batch is None or batch.ended is None) and not task.done():
                task.cancel()

    async def _let_go(self) -> None:
        tasks = dict(self._tasks)
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values())
        with suppress(Unavailable):
            for batch_id in tasks:
                await self.holder.batches.leave(batch_id, self.holder.name)


BATCH_RUNNER = web.AppKey("batch_runner", Runner)
