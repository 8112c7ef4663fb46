"""The worker's part of a job's life, step by step: claim, generate, finish, publish, settle.

Each step may be the last one before the process dies; docs/architecture.md says what is then left, and tests/faults
kills the process there. A step that meets an absent Redis or broker waits and is done again.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import Unavailable
from infra.fuse import Fuse
from infra.ids import new_id
from producers.events import PromptSubmitted, Terminal
from producers.jobs.early import unheard
from producers.jobs.endings import Endings
from producers.jobs.lease import Finishing, Gone, Lease, Leases, Lost, Parked, Published
from producers.log.places import Place
from stream_workers.inference.ahead import Ahead
from stream_workers.inference.answering import Trail
from stream_workers.inference.attempting import Answer, Attempting
from stream_workers.inference.counts import Counts
from stream_workers.inference.endings import Later
from stream_workers.inference.fleet import Seat
from stream_workers.inference.renewals import Hold, Renewals
from stream_workers.inference.slots import Slots
from stream_workers.patience import back_off_s, until_back

log = logging.getLogger(__name__)

LONGEST_PARK_S = 0.5
"""A parked prompt looks again this often: whoever holds the lease may be done long before it lapses."""

GIVE_BACK_S = 1.0

Begun = Callable[[bool], None]
"""Told True when an attempt begins, which is then best left to end; False when the job waits again."""


@dataclass(frozen=True)
class Life:
    """What a job's life needs; `run` lives it."""

    slots: Slots
    leases: Leases
    renewals: Renewals
    attempting: Attempting
    endings: Endings
    counts: Counts
    fuse: Fuse

    async def run(self, prompt: PromptSubmitted, place: Place, begun: Begun) -> None:
        """Return once the job's ending is visible, so that the prompt may be acknowledged."""
        failures, nonce, ahead, trail = 0, self._nonce(), self.attempting.answering.ahead(prompt), Trail()
        while True:
            try:
                parked = await self._attempt(prompt, place, begun, nonce, ahead, trail)
                nonce = self._nonce()
                failures, wait_s = 0, parked.after_s if parked else 0.0
            except Unavailable as error:
                log.warning("%s waits: %s", prompt.job_id, error)
                self.counts.waits(error.part)
                failures += 1
                parked, wait_s = Parked("held", 0.0), back_off_s(failures)
            if parked is None:
                return
            begun(False)
            ahead = Ahead()
            is_held = parked.reason == "held" and not failures
            await asyncio.sleep(min(wait_s, LONGEST_PARK_S) if is_held else wait_s)

    def _nonce(self) -> str:
        """Names one claim until its answer is here, however often it must be asked."""
        return new_id("claim", self.attempting.clock)

    async def _attempt(
        self, prompt: PromptSubmitted, place: Place, begun: Begun, nonce: str, ahead: Ahead, trail: Trail
    ) -> Parked | None:
        """One pass through the steps; None when the job's end is visible, `Parked` when it must wait its turn."""
        try:
            found = await self._claim(prompt, place, begun, nonce, ahead, trail)
            finished = (
                await self._answer_and_finish(prompt, place, found, ahead, trail) if isinstance(found, Hold) else found
            )
        finally:
            ahead.stop()
        match finished:
            case Finishing(ending):
                await self._publish_and_settle(ending)
                return None
            case Lost():
                return Parked("held", 0.0)
            case Parked() as parked:
                return parked
            case Gone():
                # The log must know the end too, or whoever reads it anew would take the job for a queued one.
                await self._publish_and_settle(unheard(prompt, self.leases.worker, self.attempting.clock.now_ms()))
                return None
            case Published():
                return None

    async def _claim(
        self, prompt: PromptSubmitted, place: Place, begun: Begun, nonce: str, ahead: Ahead, trail: Trail
    ) -> Hold | Parked | Finishing | Published | Gone:
        """Take a slot, then claim: a prompt that only waits must not count as an attempt. A hold keeps the slot."""
        seat = await self._slot(prompt, trail)
        begun(True)
        ahead.begin(seat)
        try:
            claim = await self.leases.claim(prompt, place.offset, nonce)
        except BaseException:
            self.slots.release(prompt.lane)
            raise
        if isinstance(claim, Lease):
            self.fuse.passed("claimed")
            return self.renewals.hold(claim)
        self.slots.release(prompt.lane)
        return claim

    async def _slot(self, prompt: PromptSubmitted, trail: Trail) -> Seat:
        """Wait for a slot, and outside of it for a model server that can be reached; a seat at one."""
        fleet = self.attempting.answering.fleet
        while True:
            await fleet.there()
            await self.slots.take(prompt.lane)
            if (seat := fleet.seat(trail.failed_at)) is not None:
                return seat
            self.slots.release(prompt.lane)

    async def _answer_and_finish(
        self, prompt: PromptSubmitted, place: Place, hold: Hold, ahead: Ahead, trail: Trail
    ) -> Finishing | Published | Lost | Parked:
        try:
            try:
                answer = await self.attempting.make(prompt, place, hold, ahead, trail)
            finally:
                self.slots.release(prompt.lane)
            if isinstance(answer, Later):
                return Parked("put_back", answer.after_s)
            self.fuse.passed("generated")
            return Lost() if answer is None else await self._finish(hold, answer)
        except asyncio.CancelledError:
            await self._give_back(hold.lease)
            raise
        finally:
            self.renewals.drop(hold)

    async def _give_back(self, lease: Lease) -> None:
        """This worker stops: another may begin at once, and the prompt is not to blame."""
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                await self.leases.release(lease)
        except (TimeoutError, Unavailable) as error:
            log.warning("a lease is left to lapse: %r", error, extra={"job_id": lease.job_id})

    async def _finish(self, hold: Hold, answer: Answer) -> Finishing | Published | Lost:
        finished = await until_back(
            lambda: self.leases.finish(hold.lease, answer.ending, answer.rest, snapshot=answer.snapshot)
        )
        self.fuse.passed("finished")
        return finished

    async def _publish_and_settle(self, ending: Terminal) -> None:
        told = await until_back(lambda: self.endings.publish(ending))
        self.fuse.passed("published")
        if await until_back(lambda: self.endings.settle(told)) == "late":
            self.counts.came_late()
        self.fuse.passed("settled")
