"""What an attempt does under its lease, from the claim's verdict to an ending."""

import functools
from dataclasses import dataclass

from infra.clock import Clock
from producers.answer_cache import AnswerCache, cacheable
from producers.conversations import Conversations
from producers.dead_letters import bury, dead_letter
from producers.events import FirstTokenProduced, JobClaimed, PromptSubmitted, RetryScheduled, Terminal, Usage
from producers.jobs import live
from producers.jobs.lease import Kept, Leases
from producers.jobs.scripts import Scripts
from producers.places import Place
from producers.topics import JOB_EVENTS
from stream_workers.inference.answering import Answering, Progress
from stream_workers.inference.counts import Counts
from stream_workers.inference.endings import Answered, Attempt, Unanswered, not_cached, not_last_turn, poison
from stream_workers.inference.renewals import Hold
from stream_workers.inference.screen import Screen
from stream_workers.patience import until_back
from stream_workers.pen import FaustPen


@dataclass(frozen=True)
class Answer:
    """An attempt's ending; `rest` is text that readers have not seen yet, or (`snapshot`) all of it anew."""

    ending: Terminal
    rest: str = ""
    snapshot: bool = False


@dataclass(frozen=True)
class Attempting:
    """What it takes to make an attempt."""

    clock: Clock
    scripts: Scripts
    leases: Leases
    answering: Answering
    conversations: Conversations
    cache: AnswerCache
    pen: FaustPen
    counts: Counts
    flush_s: float

    async def make(self, prompt: PromptSubmitted, place: Place, hold: Hold) -> Answer | None:
        """The attempt's ending; None when somebody else has the job now."""
        lease = hold.lease
        attempt = Attempt(prompt, lease.attempt, self.leases.worker, dict(lease.times))
        match lease.verdict:
            case "claimed":
                self._mention_claim(attempt)
                return await self._under_lease(attempt, place, hold)
            case "poison":
                await self._bury(attempt, place)
                return self._ended(attempt, attempt.failed(poison(lease.attempt - 1)))
            case verdict:
                seen = live.text_of(await until_back(lambda: live.entries_after(self.scripts, prompt.job_id)))
                return self._ended(attempt, attempt.stopped(verdict, seen))

    async def _under_lease(self, attempt: Attempt, place: Place, hold: Hold) -> Answer | None:
        conversation, replaced = attempt.prompt.conversation, attempt.prompt.replaces
        if conversation is not None:
            history = await until_back(lambda: self.conversations.history(conversation, place.offset, replaced))
            if history is None:
                return self._ended(attempt, attempt.failed(not_last_turn()))
            attempt.history = history
            if (recalled := await self._recall(attempt)) is not None:
                return recalled
        screen = Screen(self.leases, hold, self.flush_s)
        outcome: Answered | Unanswered | None = None
        try:
            with hold:
                outcome = await self.answering.answer(attempt.prompt, attempt.history, screen, self._progress(attempt))
        finally:
            rest = await screen.stop()
        match outcome:
            case Answered():
                rest = screen.text if screen.doubtful else rest
                return self._ended(attempt, attempt.completed(screen.text, outcome), rest, snapshot=screen.doubtful)
            case Unanswered(error):
                return self._ended(attempt, attempt.failed(error))
            case None:
                return self._stopped(attempt, hold.verdict, screen)

    def _stopped(self, attempt: Attempt, verdict: Kept, screen: Screen) -> Answer | None:
        match verdict:
            case "cancelled" | "expired":
                rest = screen.shown if screen.doubtful else ""
                return self._ended(attempt, attempt.stopped(verdict, screen.shown), rest, snapshot=screen.doubtful)
            case _:
                return None

    async def _recall(self, attempt: Attempt) -> Answer | None:
        """The cached answer to a turn: its key was unknown at the gateway, which does not hold the history."""
        if not cacheable(attempt.prompt):
            self.counts.looked_up("bypass")
            return None
        earlier = await until_back(lambda: self.cache.recall(attempt.prompt, attempt.history))
        self.counts.looked_up("miss" if earlier is None else "hit")
        if earlier is not None:
            return self._ended(attempt, attempt.recalled(earlier), earlier.text)
        return self._ended(attempt, attempt.failed(not_cached())) if attempt.prompt.cache == "only" else None

    def _ended(self, attempt: Attempt, ending: Terminal, rest: str = "", *, snapshot: bool = False) -> Answer:
        attempt.times["finished"] = self.clock.now_ms()
        return Answer(ending, rest, snapshot)

    async def _bury(self, attempt: Attempt, place: Place) -> None:
        prompt = attempt.prompt
        letter = dead_letter(
            place, "poison", "too many of the workers that took it died",
            self.clock.now_ms(), job_id=prompt.job_id, attempts=attempt.number - 1,
        )  # fmt: skip
        await until_back(lambda: bury(self.pen, letter, prompt.traceparent))
        self.counts.buried("poison")

    def _progress(self, attempt: Attempt) -> Progress:
        return Progress(
            first_token=functools.partial(self._mention_first_token, attempt),
            retry=functools.partial(self._mention_retry, attempt),
            counted=functools.partial(_count, attempt),
        )

    def _mention_claim(self, attempt: Attempt) -> None:
        prompt = attempt.prompt
        at_ms = attempt.times.get("claimed", 0.0)
        self.counts.claimed(prompt, attempt.number, attempt.times)
        event = JobClaimed(
            job_id=prompt.job_id, tenant=prompt.tenant, lane=prompt.lane, attempt=attempt.number, worker=attempt.worker,
            at_ms=at_ms,
        )  # fmt: skip
        self.pen.mention(JOB_EVENTS, prompt.job_id, event)

    def _mention_first_token(self, attempt: Attempt) -> None:
        prompt = attempt.prompt
        at_ms = self.clock.now_ms()
        if "first_token" not in attempt.times:
            self.counts.first_token(prompt, at_ms)
        attempt.times["first_token"] = at_ms
        event = FirstTokenProduced(
            job_id=prompt.job_id, tenant=prompt.tenant, lane=prompt.lane, attempt=attempt.number, worker=attempt.worker,
            at_ms=at_ms,
        )  # fmt: skip
        self.pen.mention(JOB_EVENTS, prompt.job_id, event)

    def _mention_retry(self, attempt: Attempt, tries: int, reason: str, after_s: float) -> None:
        prompt = attempt.prompt
        attempt.usage = None
        event = RetryScheduled(
            job_id=prompt.job_id, tenant=prompt.tenant, attempt=attempt.number, tries=tries, reason=reason,
            after_s=after_s, at_ms=self.clock.now_ms(),
        )  # fmt: skip
        self.pen.mention(JOB_EVENTS, prompt.job_id, event)


def _count(attempt: Attempt, usage: Usage) -> None:
    attempt.usage = usage
