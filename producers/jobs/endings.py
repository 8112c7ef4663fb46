"""The end of a job, by whoever ends it: its ending goes into the log (step 7), then it is made visible (7b)."""

import logging
from dataclasses import dataclass

from infra.errors import TooLarge
from infra.telemetry.metrics import Metrics
from producers.events import Terminal, status_of
from producers.jobs.oversize import failed_instead
from producers.jobs.record import ENDED
from producers.jobs.settling import Settled, Settling
from producers.log.dead_letters import bury, letter_of_ending
from producers.log.outgoing import Pen, Written
from producers.log.topics import ANSWERS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InLog:
    """An ending that the log holds, and where."""

    ending: Terminal
    at: Written


class Endings:
    """Publishes endings and makes them visible; each of the two steps may be done twice."""

    def __init__(self, pen: Pen, settling: Settling, metrics: Metrics) -> None:
        self._pen = pen
        self._settling = settling
        self._metrics = metrics
        # Bound once: to look a series up costs more than to count.
        self._jobs = {state: metrics.jobs.labels(state) for state in ENDED}

    async def publish(self, ending: Terminal) -> InLog:
        """Step 7; what is told is the job's failure where no record can hold its ending.

        A job that is given up is buried before: who sees that it failed finds its dead letter.

        Raises:
            Unavailable: the broker did not acknowledge in time; the record may still appear.
            TooLarge: not even the failure fits.
        """
        if (letter := letter_of_ending(ending)) is not None:
            await bury(self._pen, letter, ending.prompt.traceparent)
            self._metrics.dead_letters.labels(letter.reason).inc()
        try:
            return await self._write(ending)
        except TooLarge as error:
            log.error("an ending is too large: %s", error, extra={"job_id": ending.job_id})
            return await self._write(failed_instead(ending))

    async def settle(self, told: InLog) -> Settled:
        """Step 7b; counted unless an earlier ending of the job is the visible one.

        Raises:
            Unavailable: Redis does not answer.
        """
        at = told.at
        settled = await self._settling.settle(told.ending, at.partition, at.offset, at.timestamp_ms)
        if settled not in ("late", "duplicate"):
            self._jobs[status_of(told.ending)].inc()
        return settled

    async def _write(self, ending: Terminal) -> InLog:
        written = await self._pen.publish(ANSWERS, ending.job_id, ending, ending.prompt.traceparent)
        return InLog(ending, written)
