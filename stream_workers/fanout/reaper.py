"""The reaper: ends the jobs that nobody else will end, in bounded batches.

- `accepting` for longer than the producer's patience: the log never got the prompt, so all it reserved returns;
- still queued at its deadline: `AnswerExpired`, published and settled;
- `finishing` for long, because whoever stored the ending died and no redelivery healed it: published and settled.

Only one process reaps at a time, and only while the view is whole; were there two, twice would still be once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from infra.clock import Clock
from infra.errors import Unavailable
from infra.ids import new_id
from infra.telemetry.metrics import Metrics
from producers.events import Terminal
from producers.jobs import early, record
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.scripts import Scripts, asked
from stream_workers.views.log_view import LogView

log = logging.getLogger(__name__)

CAUGHT_UP_WITHIN_MS = 3_000.0


@dataclass(frozen=True)
class Patience:
    """How long the reaper waits for others; `most` bounds each batch."""

    accepting_ms: int = 30_000
    finishing_ms: int = 15_000
    running_again_ms: int = 5_000
    every_s: float = 1.0
    turn_ms: int = 5_000
    most: int = 100


@dataclass(frozen=True)
class Reaped:
    """How many jobs one round ended, by reason."""

    aborted: int = 0
    expired: int = 0
    finished: int = 0


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
        self._name = new_id("reaper", clock)

    async def run(self, view: LogView) -> None:
        """Reap once a second, while the view has read all there is to read."""
        while True:
            await asyncio.sleep(self._patience.every_s)
            if not view.caught_up(CAUGHT_UP_WITHIN_MS):
                continue
            try:
                if await self._my_turn():
                    await self.reap()
            except Unavailable as error:
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
        seconds, micros = await asked(self._scripts.redis.time())
        now_ms = seconds * 1000 + micros / 1000
        reaped = Reaped(
            aborted=await self._abort_unheard(now_ms),
            expired=await self._expire_queued(now_ms),
            finished=await self._finish_stuck(now_ms),
        )
        self._jobs.labels("aborted").inc(reaped.aborted)
        if reaped != Reaped():
            log.info("reaped", extra={"aborted": reaped.aborted, "expired": reaped.expired, "done": reaped.finished})
        return reaped

    async def _my_turn(self) -> bool:
        """Whether this process may reap now; it is asked again and again, and holds the turn while it does."""
        key, redis = f"{self._scripts.prefix}reaper", self._scripts.redis
        if await asked(redis.set(key, self._name, nx=True, px=self._patience.turn_ms)):
            return True
        if await asked(redis.get(key)) != self._name.encode():
            return False
        return bool(await asked(redis.pexpire(key, self._patience.turn_ms)))

    async def _overdue(self, which: str, before_ms: float) -> list[str]:
        found = await asked(
            self._scripts.redis.zrangebyscore(
                f"{self._scripts.prefix}{which}", "-inf", f"{before_ms:.3f}", start=0, num=self._patience.most
            )
        )
        return [each.decode() for each in found]

    async def _forget(self, which: str, job_id: str) -> None:
        await asked(self._scripts.redis.zrem(f"{self._scripts.prefix}{which}", job_id))

    async def _postpone(self, which: str, job_id: str, now_ms: float) -> None:
        """Look at a job again later, so that others have their turn."""
        later = {job_id: now_ms + self._patience.running_again_ms}
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
                await self._postpone(which, job_id, now_ms)
                return False

        return sum(await asyncio.gather(*(attempted(each) for each in jobs)))

    async def _abort_unheard(self, now_ms: float) -> int:
        overdue = await self._overdue("accepting", now_ms - self._patience.accepting_ms)
        return await self._each(
            "accepting", overdue, lambda each: self._intake.abort(each, self._patience.accepting_ms), now_ms
        )

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
            await self._postpone("deadlines", job_id, now_ms)
            return False
        ending = early.expired(job, now_ms)
        stopped = await self._intake.stop(job_id, ending, running_too=False)
        return stopped.found == "finishing" and await self._publish(ending)

    async def _finish_stuck(self, now_ms: float) -> int:
        overdue = await self._overdue("finishing", now_ms - self._patience.finishing_ms)
        return await self._each("finishing", overdue, self._finish, now_ms)

    async def _finish(self, job_id: str) -> bool:
        job = await record.read(self._scripts, job_id)
        if job is None or job.state != "finishing" or job.ending is None:
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
