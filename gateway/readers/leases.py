"""Which jobs have a reader here: told to Redis again and again, so that a gateway that died counts as no reader."""

import asyncio
import logging

from aiohttp import web

from gateway.readers.live import Live
from infra.errors import Unavailable
from producers.jobs.record import JobRecord
from producers.prompts import reading
from producers.state.scripts import Scripts

log = logging.getLogger(__name__)

RENEW_EVERY_S = 2.0
_AT_ONCE = 500
_LATE_S = 1.0
"""By so much the next renewal may come late where there is no grace."""


class ReaderLeases:
    """Keeps the jobs that are read at this gateway from being given up; `run` is the task.

    Only a synchronous call is given up without a reader. Which those are is known where they were accepted; of all
    others nothing is kept, whoever reads them.
    """

    def __init__(self, scripts: Scripts, live: Live, grace_s: float) -> None:
        self._scripts = scripts
        self._live = live
        self.lease_ms = int((max(grace_s, _LATE_S) + RENEW_EVERY_S) * 1000)
        """From one renewal on: whoever reads may be gone just after it, and has all of the grace still."""

    async def keep(self, *job_ids: str) -> None:
        """Somebody reads these now.

        Raises:
            Unavailable: Redis does not answer.
        """
        for start in range(0, len(job_ids), _AT_ONCE):
            await self._scripts.run("keep_read", self.lease_ms, *job_ids[start : start + _AT_ONCE])

    async def asked_for(self, job: JobRecord) -> None:
        """Somebody asked for this job and may ask again: until then it has a reader. One of the job API needs none.

        Raises:
            Unavailable: Redis does not answer.
        """
        if not job.ended and job.prompt.route != reading.JOBS:
            await self.keep(job.job_id)

    async def run(self) -> None:
        """Renew until cancelled; while Redis is away, and just after, the reaper gives nothing up either."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                await self.keep(*self._live.jobs_read())
            except Unavailable as error:
                log.warning("nobody could be told of readers: %s", error)
            except Exception:
                # Nobody planned this, and nobody watches this task: ended, it would have every call here given up.
                log.exception("a round of the readers' renewal broke off")


READER_LEASES = web.AppKey("reader_leases", ReaderLeases)
