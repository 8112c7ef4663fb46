"""One task renews all leases of this worker, and stops the generations of those that are no longer wanted."""

import asyncio
import logging
from types import TracebackType
from typing import Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.errors import Unavailable
from producers.jobs import live
from producers.jobs.lease import RENEW_EVERY_S, Kept, Lease, Leases
from producers.state.scripts import Scripts
from stream_workers.inference.counts import Counts

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0
_AT_ONCE = 200


class Hold:
    """A lease that is being renewed. Within `with hold:` a verdict against the job stops the block, quietly."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.verdict: Kept = "kept"
        self._task: asyncio.Task[object] | None = None

    def judge(self, verdict: Kept) -> None:
        """What Redis said of the job last."""
        if verdict == "kept" or self.verdict != "kept":
            return
        self.verdict = verdict
        if self._task is not None:
            self._task.cancel()

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        if self.verdict != "kept" and self._task is not None:
            self._task.cancel()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        task, self._task = self._task, None
        if self.verdict == "kept" or task is None:
            return False
        # A cancellation from elsewhere, besides ours, goes on.
        return task.uncancel() == 0 and kind is asyncio.CancelledError


class Renewals:
    """All holds of this worker; `run` is the task."""

    def __init__(self, leases: Leases, scripts: Scripts, counts: Counts, every_s: float = RENEW_EVERY_S) -> None:
        self._leases = leases
        self._scripts = scripts
        self._counts = counts
        self._every_s = every_s
        self._holds: dict[str, Hold] = {}

    def hold(self, lease: Lease) -> Hold:
        """Renew this lease from now on, until `drop`."""
        hold = self._holds[lease.job_id] = Hold(lease)
        return hold

    def drop(self, hold: Hold) -> None:
        """The lease is no longer needed."""
        if self._holds.get(hold.lease.job_id) is hold:
            del self._holds[hold.lease.job_id]

    async def run(self) -> None:
        """Renew for ever; a Redis that is away for a while costs nothing but the lease."""
        while True:
            try:
                await self._renew(list(self._holds.values()))
                wait_s = self._every_s
            except Unavailable as error:
                log.warning("leases could not be renewed: %s", error)
                self._counts.waits(error.part)
                wait_s = AGAIN_AFTER_S
            await asyncio.sleep(wait_s)

    async def listen(self, listener: Redis) -> None:
        """Look at once at a job whose cancel is announced; the announcement itself decides nothing."""
        while True:
            try:
                await self._listen(listener)
            except (RedisError, Unavailable, OSError) as error:
                log.debug("announcements are missed for a while: %r", error)
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _listen(self, listener: Redis) -> None:
        async with listener.pubsub() as announcements:
            await announcements.subscribe(live.cancels_channel(self._scripts.prefix))
            async for each in announcements.listen():
                hold = self._holds.get(each["data"].decode()) if each["type"] == "message" else None
                if hold is not None:
                    await self._renew([hold])

    async def _renew(self, holds: list[Hold]) -> None:
        for start in range(0, len(holds), _AT_ONCE):
            some = holds[start : start + _AT_ONCE]
            for hold, verdict in zip(some, await self._leases.renew([each.lease for each in some]), strict=True):
                hold.judge(verdict)
