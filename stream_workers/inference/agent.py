"""The shell around a job's life: prompts come from Faust, one task each, and are acknowledged when they are done."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.clock import Clock
from infra.errors import InvalidEvent
from producers import codec
from producers.dead_letters import bury, letter_of
from producers.events import LANES, PromptSubmitted
from producers.places import Place
from producers.topics import prompts
from stream_workers.inference.life import Life
from stream_workers.patience import until_back
from stream_workers.pen import FaustPen

log = logging.getLogger(__name__)

AFTER_A_BUG_S = 1.0
TOPICS = tuple(prompts(lane) for lane in LANES)


@dataclass(eq=False)
class Work:
    """One delivered record. `begun`: an attempt runs, which is left to end even when the partition goes."""

    event: Any
    place: Place
    begun: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def set_begun(self, begun: bool) -> None:
        """An attempt begins, or the job waits again."""
        self.begun = begun


class Inference:
    """All prompts of this worker that are not acknowledged yet."""

    def __init__(self, life: Life, pen: FaustPen, clock: Clock, topic_prefix: str) -> None:
        self._life = life
        self._pen = pen
        self._clock = clock
        self._topic_prefix = topic_prefix
        self._works: set[Work] = set()
        self._chains: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    async def read(self, stream: Any) -> None:
        """Faust's agent: takes every record off the stream at once; the transport bounds how many."""
        async for event in stream.noack().events():
            if not self._closing:
                self.take(event)

    def take(self, event: Any) -> None:
        """Begin to work on a record, after those of the same conversation (or job) that came before it."""
        message = event.message
        topic = message.topic.removeprefix(self._topic_prefix)
        work = Work(event, Place(topic, message.partition, message.offset))
        try:
            prompt: PromptSubmitted = codec.decode_as(PromptSubmitted, message.value)
        except InvalidEvent as error:
            self._begin(work, self._bury(work, str(error)))  # type: ignore[unused-awaitable] # kept in _works
            return
        chain = prompt.conversation or prompt.job_id
        task = self._begin(work, self._live(work, prompt, self._chains.get(chain)))
        self._chains[chain] = task
        task.add_done_callback(lambda done: self._unchain(chain, done))

    def let_go(self, revoked: Iterable[Any]) -> None:
        """These partitions are somebody else's now: drop what has not begun; what has ends under its lease."""
        partitions = {(tp.topic.removeprefix(self._topic_prefix), tp.partition) for tp in revoked}
        dropped = [
            work
            for work in self._works
            if not work.begun and (work.place.topic, work.place.partition) in partitions and work.task
        ]
        for work in dropped:
            work.task.cancel()  # type: ignore[union-attr] # filtered above
        log.info("partitions let go", extra={"partitions": len(partitions), "dropped": len(dropped)})

    async def close(self, patience_s: float) -> None:
        """Take nothing new, drop what has not begun, let the rest end for so long."""
        self._closing = True
        for work in self._works:
            if work.task and not work.begun:
                work.task.cancel()
        tasks = [work.task for work in self._works if work.task]
        if not tasks:
            return
        _, left = await asyncio.wait(tasks, timeout=patience_s)
        for task in left:
            task.cancel()
        if left:
            log.warning("%s generations are cut off; others take over", len(left))
            await asyncio.wait(left)

    def _begin(self, work: Work, doing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        work.task = asyncio.create_task(doing)
        self._works.add(work)
        work.task.add_done_callback(lambda _: self._works.discard(work))
        return work.task

    def _unchain(self, chain: str, done: asyncio.Task[None]) -> None:
        if self._chains.get(chain) is done:
            del self._chains[chain]

    async def _live(self, work: Work, prompt: PromptSubmitted, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        while True:
            try:
                await self._life.run(prompt, work.place, work.set_begun)
                break
            except Exception:
                # Nobody planned this. Each further claim counts, so a prompt that always ends here is buried.
                log.exception("a job's life broke off", extra={"job_id": prompt.job_id})
                work.set_begun(False)
                await asyncio.sleep(AFTER_A_BUG_S)
        work.event.ack()

    async def _bury(self, work: Work, error: str) -> None:
        letter = letter_of(work.event.message, work.place, "undecodable", error, self._clock.now_ms())
        await until_back(lambda: bury(self._pen, letter))
        self._life.counts.buried("undecodable")
        log.warning(
            "an undecodable record was buried",
            extra={"origin": str(work.place), "job_id": letter.job_id, "error": error},
        )
        work.event.ack()
