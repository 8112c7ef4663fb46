"""The shell around a job's life: prompts come from Faust, one task each, and are acknowledged when they are done."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.clock import Clock
from infra.errors import InvalidEvent
from producers.events import LANES, PromptSubmitted, Terminal
from producers.log import codec
from producers.log.dead_letters import Reason, bury, letter_of
from producers.log.outgoing import Pen
from producers.log.places import Place
from producers.log.topics import prompts
from stream_workers.inference.endings import given_up
from stream_workers.inference.life import Life
from stream_workers.patience import until_back

log = logging.getLogger(__name__)

AFTER_BUGS_S = (1.0, 2.0, 10.0, 30.0, 120.0)
"""Waits after errors that nobody planned; after one more the job is given up, if it did not end as poison by then.

The last one is also that between tries to tell the log of its end."""
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

    def __init__(
        self,
        life: Life,
        pen: Pen,
        clock: Clock,
        topic_prefix: str,
        after_bugs_s: Sequence[float] = AFTER_BUGS_S,
    ) -> None:
        self._life = life
        self._pen = pen
        self._clock = clock
        self._topic_prefix = topic_prefix
        self._after_bugs_s = after_bugs_s
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
            self._begin(work, self._refuse(work, error))  # type: ignore[unused-awaitable] # kept in _works
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
        for wait_s in (*self._after_bugs_s, None):
            try:
                await self._life.run(prompt, work.place, work.set_begun)
            except Exception as error:
                # Nobody planned this; it may pass. The more slowly we try, the less is said twice in the log.
                log.exception("a job's life broke off", extra={"job_id": prompt.job_id})
                work.set_begun(False)
                if wait_s is None:
                    await self._give_up(work, prompt, error)
                else:
                    await asyncio.sleep(wait_s)
            else:
                work.event.ack()
                return

    async def _refuse(self, work: Work, error: InvalidEvent) -> None:
        """Bury what is no prompt, and acknowledge it."""
        await self._bury(work, "undecodable", str(error))
        work.event.ack()

    async def _give_up(self, work: Work, prompt: PromptSubmitted, error: Exception) -> None:
        """Bury the record, and acknowledge it once the log tells of the job's end.

        Whoever it is delivered to again before that may bury it once more: in the same words, at the same place.
        """
        try:
            await self._bury(work, "poison", f"its life broke off again and again: {error!r}")
        except Exception:
            log.exception("a job that is given up cannot be buried", extra={"job_id": prompt.job_id})
        await self._end(given_up(prompt, len(self._after_bugs_s) + 1, self._clock.now_ms()))
        work.event.ack()

    async def _end(self, ending: Terminal) -> None:
        """Return when the log holds an ending, whatever Redis makes of it: if there was one already, that one counts.

        A job without one would be in flight against its key, and before all later turns of its conversation, for ever.
        So its record holds its partition up instead. It is not to blame: one that is too large is told of without
        its prompt. What still keeps an ending out of the log keeps out those of all jobs, and is to be mended first.
        """
        while True:
            try:
                await until_back(lambda: self._life.endings.publish(ending))
            except Exception:
                log.exception("a job that is given up has no ending yet", extra={"job_id": ending.job_id})
                await asyncio.sleep(self._after_bugs_s[-1])
            else:
                return

    async def _bury(self, work: Work, reason: Reason, error: str) -> None:
        letter = letter_of(work.event.message, work.place, reason, error, self._clock.now_ms())
        await until_back(lambda: bury(self._pen, letter))
        self._life.counts.buried(reason)
        log.warning(
            "a record was buried",
            extra={"origin": str(work.place), "reason": reason, "job_id": letter.job_id, "error": error},
        )
