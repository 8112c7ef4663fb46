"""The reaper: ends the jobs that nobody else will end, in bounded batches.

- `accepting` for longer than the producer's patience: the log never got the prompt, so all it reserved returns; who
  says so has read the partition where the prompt would be, so each process does this for its own;
- still queued at its deadline: `AnswerExpired`, published and settled;
- a synchronous call that nobody reads at any gateway any more: cancelled, as its client would do; but not until
  gateways had the time to tell of their readers, where Redis was away (or we were, and cannot know);
- ended, and the log has not heard of it for long, because whoever stored the ending died and no redelivery healed it,
  or Kafka was away: published and settled;
- embeddings whose gateway died: what was held back for them returns.

All else one process does at a time, and only while the view is whole; were there two, twice would still be once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from infra.clock import Clock
from infra.errors import Unavailable
from infra.ids import new_id
from infra.telemetry.metrics import Metrics
from producers.events import Terminal
from producers.jobs import early, record, stopping
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.log.outgoing import shard_of
from producers.state.scripts import Scripts, asked
from stream_workers.fanout.sight import Sight
from stream_workers.views.log_view import LogView
from stream_workers.views.partitions import Partition

log = logging.getLogger(__name__)

CAUGHT_UP_WITHIN_MS = 3_000.0


@dataclass(frozen=True)
class Patience:
    """How long the reaper waits for others; `most` bounds each batch, `most_unread` that of a gateway that died.

    `renewing_ms` is what it gives the gateways, once Redis is back, to tell of their readers again.
    """

    accepting_ms: int = 30_000
    finishing_ms: int = 15_000
    running_again_ms: int = 5_000
    broken_again_ms: int = 3_600_000
    renewing_ms: int = 12_000
    every_s: float = 1.0
    turn_ms: int = 5_000
    most: int = 100
    most_unread: int = 1_000


@dataclass(frozen=True)
class Reaped:
    """How many jobs one round ended, by reason."""

    expired: int = 0
    finished: int = 0
    unread: int = 0


class Reaper:
    """Ends overdue jobs; `run` does so for as long as the process serves."""

    def __init__(
        self,
        scripts: Scripts,
        intake: Intake,
        endings: Endings,
        clock: Clock,
        metrics: Metrics,
        patience: Patience | None = None,
    ) -> None:
        self._scripts = scripts
        self._intake = intake
        self._endings = endings
        self._jobs, self._waits = metrics.jobs, metrics.waits
        self._patience = patience or Patience()
        self._sight = Sight()
        self._name = new_id("reaper", clock)

    async def run(self, view: LogView) -> None:
        """Reap once a second, while the view has read all there is to read."""
        while True:
            await asyncio.sleep(self._patience.every_s)
            try:
                self._sight.begin(await self._time_ms())
                if view.caught_up(CAUGHT_UP_WITHIN_MS) and await self._my_turn():
                    await self.reap()
                await self.abort_unheard(view.read_up(CAUGHT_UP_WITHIN_MS))
                self._sight.end(await self._time_ms())
            except Unavailable as error:
                self._sight.lose()
                log.warning("the reaper waits: %s", error)
                self._waits.labels(error.part).inc()
            except Exception:
                # Nobody planned this. The state view beside us must go on.
                log.exception("a round of the reaper broke off")

    async def reap(self) -> Reaped:
        """One round.

        Raises:
            Unavailable: Redis does not answer.
        """
        now_ms, until_s = await self._time_ms(), self._until_s()
        await self._intake.give_back_lapsed()
        reaped = Reaped(
            expired=await self._all(self._expire_queued, now_ms, until_s),
            finished=await self._all(self._finish_stuck, now_ms, until_s),
            unread=await self._cancel_unread(now_ms),
        )
        if reaped != Reaped():
            log.info("reaped", extra=asdict(reaped))
        return reaped

    async def abort_unheard(self, read_up: frozenset[Partition]) -> int:
        """End those `accepting` whose prompts would be in these partitions, and are not; how many.

        Raises:
            Unavailable: Redis does not answer.
        """
        now_ms, until_s, aborted, others = await self._time_ms(), self._until_s(), 0, 0

        async def abort(job_id: str) -> bool:
            nonlocal others
            job = await record.read(self._scripts, job_id)
            if job is not None and shard_of(job.prompt) not in read_up:
                others += 1
                return False
            return await self._intake.abort(job_id, self._patience.accepting_ms)

        is_full = True
        while is_full and asyncio.get_running_loop().time() < until_s:
            overdue = await self._overdue("accepting", now_ms - self._patience.accepting_ms, start=others)
            aborted += await self._each("accepting", overdue, abort, now_ms)
            is_full = len(overdue) == self._patience.most
        if aborted:
            self._jobs.labels("aborted").inc(aborted)
            log.info("reaped", extra={"aborted": aborted})
        return aborted

    def _until_s(self) -> float:
        """When half of our turn is over."""
        return asyncio.get_running_loop().time() + self._patience.turn_ms / 2000

    async def _time_ms(self) -> float:
        seconds, micros = await asked(self._scripts.redis.time())
        return float(seconds * 1000 + micros / 1000)

    async def _my_turn(self) -> bool:
        """Whether this process may reap now; it is asked again and again, and holds the turn while it does."""
        key, redis = f"{self._scripts.prefix}reaper", self._scripts.redis
        if await asked(redis.set(key, self._name, nx=True, px=self._patience.turn_ms)):
            return True
        if await asked(redis.get(key)) != self._name.encode():
            return False
        return bool(await asked(redis.pexpire(key, self._patience.turn_ms)))

    async def _overdue(self, which: str, before_ms: float, most: int | None = None, start: int = 0) -> list[str]:
        key, most = f"{self._scripts.prefix}{which}", most or self._patience.most
        found = await asked(self._scripts.redis.zrangebyscore(key, "-inf", f"{before_ms:.3f}", start=start, num=most))
        return [each.decode() for each in found]

    async def _forget(self, which: str, job_id: str) -> None:
        await asked(self._scripts.redis.zrem(f"{self._scripts.prefix}{which}", job_id))

    async def _postpone(self, which: str, job_id: str, until_ms: float) -> None:
        """Look at a job again later, so that others have their turn."""
        later = {job_id: until_ms}
        await asked(self._scripts.redis.zadd(f"{self._scripts.prefix}{which}", later, xx=True))

    async def _each(self, which: str, jobs: list[str], end: Callable[[str], Awaitable[bool]], now_ms: float) -> int:
        """How many of these were ended; one that cannot be is put off and stands in nobody's way."""

        async def attempted(job_id: str) -> bool:
            try:
                return await end(job_id)
            except Unavailable:
                raise
            except Exception:
                log.exception("a job cannot be reaped", extra={"job_id": job_id})
                await self._postpone(which, job_id, now_ms + self._patience.broken_again_ms)
                return False

        return sum(await asyncio.gather(*(attempted(each) for each in jobs)))

    async def _all(self, end: Callable[[float], Awaitable[int]], now_ms: float, until_s: float) -> int:
        """Batch after batch, while all of one could be ended and half of our turn is left: outages leave many."""
        in_all = ended = await end(now_ms)
        while ended == self._patience.most and asyncio.get_running_loop().time() < until_s:
            ended = await end(now_ms)
            in_all += ended
        return in_all

    async def _expire_queued(self, now_ms: float) -> int:
        overdue = await self._overdue("deadlines", now_ms)
        return await self._each("deadlines", overdue, lambda each: self._expire(each, now_ms), now_ms)

    async def _expire(self, job_id: str, now_ms: float) -> bool:
        job = await record.read(self._scripts, job_id)
        if job is None or job.ended:
            await self._forget("deadlines", job_id)
            return False
        if job.state not in ("accepting", "queued"):
            # Its worker, or the next one that claims it, ends it; look again later, so that others have their turn.
            await self._postpone("deadlines", job_id, now_ms + self._patience.running_again_ms)
            return False
        stopped, ending = await stopping.stop(
            self._scripts,
            self._intake,
            job,
            lambda found, shown: early.expired(found, now_ms, shown),
            running_too=False,
        )
        return stopped.found == "finishing" and await self._publish(ending)

    async def _cancel_unread(self, now_ms: float) -> int:
        if self._sight.lasts_ms < self._patience.renewing_ms:
            return 0
        overdue = await self._overdue("readers", now_ms, self._patience.most_unread)
        return await self._each("readers", overdue, lambda each: self._cancel(each, now_ms), now_ms)

    async def _cancel(self, job_id: str, now_ms: float) -> bool:
        """End a job in the queue, or have its worker stop; the script knows whether a reader came back meanwhile."""
        job = await record.read(self._scripts, job_id)
        if job is None or job.ended:
            await self._forget("readers", job_id)
            return False
        stopped, ending = await stopping.stop(
            self._scripts,
            self._intake,
            job,
            lambda found, shown: early.cancelled(found, now_ms, shown),
            running_too=True,
            if_unread=True,
        )
        return stopped.found == "running" or (stopped.found == "finishing" and await self._publish(ending))

    async def _finish_stuck(self, now_ms: float) -> int:
        overdue = await self._overdue("finishing", now_ms - self._patience.finishing_ms)
        return await self._each("finishing", overdue, self._finish, now_ms)

    async def _finish(self, job_id: str) -> bool:
        job = await record.read(self._scripts, job_id)
        if job is None or job.ending is None or "published" in job.times:
            await self._forget("finishing", job_id)
            return False
        return await self._publish(job.ending)

    async def _publish(self, ending: Terminal) -> bool:
        """Steps 7 and 7b; False when the broker does not answer, for the next round will come upon it again."""
        try:
            told = await self._endings.publish(ending)
        except Unavailable as error:
            log.warning("an ending waits for the broker: %s", error, extra={"job_id": ending.job_id})
            return False
        await self._endings.settle(told)
        return True
