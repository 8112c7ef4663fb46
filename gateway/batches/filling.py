"""The jobs of a batch: a bounded number is in flight, and the place before which all have ended moves on."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.batches import standing
from gateway.batches.asking import Rules, asked_by, job_id_of
from gateway.batches.ends import LineRefused, NotNow, meant_by
from gateway.batches.lines import Line
from gateway.no_job import Deleted, GivenUp
from gateway.prompts.job_desk import JobDesk
from gateway.prompts.submission import Admitted, CacheHit, Submissions, TurnedAway
from infra.clock import Clock
from infra.errors import OurFault, TryAgain, Unavailable
from producers.batches.store import Progress
from producers.events import BatchSubmitted, PromptSubmitted
from producers.jobs import early
from producers.jobs.intake import Again, NotAccepted, OverQuota
from producers.jobs.record import JobRecord
from producers.limits.standing import Standing
from producers.state import view
from producers.state.scripts import Scripts

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Lines handed in side by side: their acknowledgements share a round trip."""
SPAN = 16
"""Behind a line that takes long, so many times the lines in flight may have ended before the next ones wait for it."""
HOLD_BACK_S = 1.0
"""How long a batch waits once its key has less than its other half left."""


@dataclass(frozen=True)
class Desks:
    """Where jobs are handed in and asked for: the same ones that requests go to."""

    submissions: Submissions
    jobs: JobDesk
    scripts: Scripts
    clock: Clock


@dataclass
class InFlight:
    """A line that is to be handed in, or whose job has been seen."""

    line: Line
    job_id: str
    stands: standing.Standing = "unknown"
    _is_let_go: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing is to be waited for."""
        return self.stands in ("completed", "failed")

    def note(self, stands: standing.Standing) -> None:
        """Its job stands so. What the log holds is not handed in again: the words of the line are let go."""
        self.stands = stands
        if stands not in ("unknown", "accepting"):
            self.line, self._is_let_go = replace(self.line, text=None), True

    def asked(self) -> Line:
        """The line with its words.

        Raises:
            Unavailable: they were let go, and yet nobody knows of the job any more; the line is to be read again.
        """
        if self._is_let_go:
            raise Unavailable("redis", f"{self.job_id} was in the log, and is unknown now")
        return self.line


@dataclass(frozen=True)
class UnderWay:
    """The log holds the line's job."""


class Filling:
    """Hands in line after line, and follows their jobs."""

    def __init__(
        self, batch: BatchSubmitted, lines: AsyncIterator[Line], progress: Progress, rules: Rules, desks: Desks
    ) -> None:
        self.progress = progress
        self._batch = batch
        self._lines = lines
        self._rules = rules
        self._desks = desks
        self._window: deque[InFlight] = deque()
        self._read_all = False
        self._hold_back_until_s = 0.0

    @property
    def is_done(self) -> bool:
        """Whether every line has ended."""
        return self._read_all and not self._window

    async def step(self, room: int) -> None:
        """See what became of the lines in flight, and hand in more, so that there are as many as there is room for.

        Raises:
            Unavailable: a part does not answer; what was done is done, and the next step goes on from there.
        """
        await self._look()
        wanted = room - sum(not each.has_ended for each in self._window)
        while wanted > 0 and len(self._window) < room * SPAN and not self._read_all:
            wanted -= 1
            line = await anext(self._lines, None)
            if line is None:
                self._read_all = True
            else:
                self._window.append(InFlight(line, job_id_of(self._batch.batch_id, line.number)))
        await self._look()
        waiting = [each for each in self._window if each.stands in ("unknown", "accepting")]
        for some in batched(waiting, AT_ONCE):
            if self._holds_back():
                break
            found = await asyncio.gather(*map(self._handed_in, some), return_exceptions=True)
            for each, outcome in zip(some, found, strict=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                await self._settle(each, outcome)

    async def _look(self) -> None:
        open_ = [each for each in self._window if not each.has_ended]
        found = await standing.look(self._desks.scripts, [each.job_id for each in open_])
        for each, stands in zip(open_, found, strict=True):
            each.note(stands)
        while self._window and self._window[0].has_ended:
            self._pass(self._window.popleft())
        beyond = [each.stands for each in self._window]
        self.progress = replace(
            self.progress, beyond_completed=beyond.count("completed"), beyond_failed=beyond.count("failed")
        )

    def _pass(self, ended: InFlight) -> None:
        before = self.progress
        self.progress = Progress(
            ended.line.number + 1,
            ended.line.ends_bytes,
            before.completed + (ended.stands == "completed"),
            before.failed + (ended.stands == "failed"),
        )

    async def _handed_in(self, each: InFlight) -> UnderWay | LineRefused | NotNow:
        """What came of handing in a line, whatever was raised on the way."""
        line = each.asked()
        try:
            found = await self._job_of(each, line)
        except Exception as error:
            return meant_by(error, line.number)
        match found:
            case JobRecord():
                return UnderWay()
            case NotNow():
                return found
            case GivenUp() | Deleted():
                return meant_by(found, line.number)

    async def _job_of(self, each: InFlight, line: Line) -> JobRecord | GivenUp | Deleted | NotNow:
        if each.stands == "accepting":  # whoever handed it in may have died before the log held it
            return await self._desks.submissions.again(each.job_id)
        return await self._entered(self._prompt_of(line))

    async def _settle(self, each: InFlight, outcome: UnderWay | LineRefused | NotNow) -> None:
        if isinstance(outcome, LineRefused):
            outcome = await self._ended(each.line, outcome)
        match outcome:
            case UnderWay():
                each.note("under way")
            case LineRefused():
                each.note("failed")
            case NotNow(after_s=after_s, why=why):
                if why:
                    log.warning("a batch waits: %s", why, extra={"batch_id": self._batch.batch_id})
                self._hold_back(after_s)

    async def _ended(self, line: Line, refused: LineRefused) -> LineRefused | NotNow:
        """End the job of a line that was refused, so that the log knows of it, too.

        What cannot even be read has none: whoever writes the files reads it once more, and says the same.
        """
        try:
            prompt = self._prompt_of(line)
        except Exception:
            return refused
        log.error("a line cannot be handed in: %s", refused.error.message, extra={"job_id": prompt.job_id})
        try:
            await self._desks.jobs.end(early.refused(prompt, refused.error, self._desks.clock.now_ms()))
        except TryAgain as error:
            return NotNow(error.after_s, str(error))
        except Exception:
            log.exception("a line that ended is told as one without an answer", extra={"job_id": prompt.job_id})
        return refused

    def _prompt_of(self, line: Line) -> PromptSubmitted:
        return asked_by(line, self._batch, self._rules, self._desks.clock.now_ms()).prompt

    async def _entered(self, prompt: PromptSubmitted) -> JobRecord | GivenUp | Deleted | NotNow:
        if self._rules.key is None:
            return NotNow(HOLD_BACK_S)
        submissions = self._desks.submissions
        await self._desks.scripts.run("forget_given_up", prompt.job_id)
        entered = await submissions.enter(prompt, self._rules.key.limits, of_tenant=self._rules.of_tenant)
        if entered.stands is not None and not all(map(leaves_room, entered.stands)):
            self._hold_back(HOLD_BACK_S)
        match entered:
            case Admitted(prompt=prompt):
                return await submissions.enqueue(prompt)
            case CacheHit(answer=answer):
                return await self._desks.jobs.end(answer)
            case TurnedAway(error=error):
                return await self._desks.jobs.end(early.refused(prompt, error, self._desks.clock.now_ms()))
            case Again(job_id=job_id):
                return await submissions.again(job_id)
            case OverQuota():
                return NotNow(HOLD_BACK_S)
            case NotAccepted(reason="rebuilding"):
                raise view.being_rebuilt()
            case NotAccepted(reason="overloaded" | "too_late"):
                return NotNow(HOLD_BACK_S)
            case NotAccepted(reason=reason):
                raise OurFault(f"a line of a batch was not accepted: {reason}")

    def _hold_back(self, for_s: float) -> None:
        self._hold_back_until_s = asyncio.get_running_loop().time() + for_s

    def _holds_back(self) -> bool:
        return asyncio.get_running_loop().time() < self._hold_back_until_s


def batched(lines: Sequence[InFlight], size: int) -> Iterator[Sequence[InFlight]]:
    """These lines, so many at a time."""
    return (lines[at : at + size] for at in range(0, len(lines), size))


def leaves_room(stands: Standing) -> bool:
    """Whether a key or a tenant can still do half of what it may: that half is for those who wait for their answers."""
    levels = (stands.requests, stands.tokens)
    used = ((stands.in_flight, stands.jobs_in_flight), (stands.waiting, stands.queued_jobs))
    return all(each is None or each.left * 2 >= each.quota for each in levels) and all(
        taken is None or most is None or taken * 2 <= most for taken, most in used
    )
