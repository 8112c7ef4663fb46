"""What an attempt does under its lease, from the claim's verdict to an ending."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from infra.clock import Clock
from producers.answers.answer_cache import AnswerCache, cacheable
from producers.conversations.recent import History
from producers.conversations.shown import result_without_call
from producers.conversations.store import Conversations
from producers.events import (
    FirstTokenProduced,
    JobClaimed,
    JobError,
    Message,
    PromptSubmitted,
    RetryScheduled,
    Terminal,
    Truncated,
    Usage,
)
from producers.jobs import live
from producers.jobs.lease import Kept, Lease, Leases, Tried
from producers.jobs.live import Piece
from producers.log.places import Place
from producers.log.topics import JOB_EVENTS
from producers.state.scripts import Scripts
from stream_workers.inference.ahead import Ahead
from stream_workers.inference.answering import Answering, Trail
from stream_workers.inference.counts import Counts
from stream_workers.inference.endings import (
    Answered,
    Attempt,
    Later,
    Unanswered,
    deleted_conversation,
    no_quota,
    no_such_call,
    not_cached,
    not_last_turn,
    over_all_windows,
)
from stream_workers.inference.prompting import MOST_BYTES
from stream_workers.inference.renewals import Hold
from stream_workers.inference.screen import Screen
from stream_workers.inference.seen import NOTHING, Seen
from stream_workers.inference.trying import Progress
from stream_workers.patience import until_back
from stream_workers.pen import FaustPen


@dataclass(frozen=True)
class Answer:
    """An attempt's ending; `rest` is what readers have not seen of it yet, or (`snapshot`) all of it anew."""

    ending: Terminal
    rest: Sequence[Piece] = ()
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

    async def make(
        self, prompt: PromptSubmitted, place: Place, hold: Hold, ahead: Ahead, trail: Trail
    ) -> Answer | Later | None:
        """The attempt's ending; `Later` when the job waits in the queue again, None when somebody else has it now."""
        lease = hold.lease
        attempt = Attempt(prompt, lease.attempt, self.leases.worker, dict(lease.times), place, lease.tried)
        attempt.held_tokens, attempt.uncounted_tokens = prompt.reserved_tokens, lease.uncounted_tokens
        match lease.verdict:
            case "claimed":
                self._mention_claim(attempt)
                return await self._under_lease(attempt, place, hold, ahead, trail)
            case "poison":
                return self._ended(attempt, attempt.poisoned())
            case "deleted":
                return self._ended(attempt, attempt.failed(deleted_conversation()))
            case verdict:
                seen = live.text_of(await until_back(lambda: live.entries_after(self.scripts, prompt.job_id)))
                return self._ended(attempt, attempt.stopped(verdict, seen))

    async def _under_lease(
        self, attempt: Attempt, place: Place, hold: Hold, ahead: Ahead, trail: Trail
    ) -> Answer | Later | None:
        goes_on = self.answering.goes_on(attempt.prompt)
        seen = await self._seen(hold.lease, goes_on=goes_on)
        screen = Screen(self.leases, hold, self.flush_s, held=not goes_on, seen=seen)
        attempt.seen = seen or NOTHING
        outcome: Answer | Answered | Unanswered | Later | None = None
        try:
            with hold:
                outcome = await self._answer(attempt, place, screen, ahead, trail)
        finally:
            await screen.stop()
        match outcome:
            case Answered():
                completed = attempt.completed(outcome)
                rest = live.pieces_of(completed) if self.answering.judged else screen.rest
                return self._ended(attempt, completed, rest, snapshot=screen.doubtful)
            case Unanswered(error, Tried() as tried):
                return self._ended(attempt, attempt.exhausted(error, tried))
            case Unanswered(error):
                return self._ended(attempt, attempt.failed(error))
            case Later():
                return await self._put_back(attempt, outcome, hold, screen)
            case None:
                return self._stopped(attempt, hold.verdict, screen)
            case Answer():
                return outcome

    async def _seen(self, lease: Lease, *, goes_on: bool) -> Seen | None:
        """What readers have seen of the answer before this attempt; None where it cannot go on from there."""
        if lease.shown_tokens is None:
            return NOTHING
        entries = await until_back(lambda: live.entries_after(self.scripts, lease.job_id))
        pieces = live.joined(live.pieces_in(entries))
        is_text = bool(pieces) and not any(each.choice or each.tool_calls for each in pieces)
        return Seen(tuple(pieces), lease.shown_tokens) if goes_on and is_text else None

    async def _put_back(self, attempt: Attempt, later: Later, hold: Hold, screen: Screen) -> Answer | Later | None:
        """Give the job back to the queue, if it is still wanted."""
        if not later.after_s:
            self.counts.waits("tgi")
        verdict = await until_back(lambda: self.leases.put_back(hold.lease, later.after_s, later.tried))
        if verdict != "kept":
            return self._stopped(attempt, verdict, screen)
        if later.tried is not None:
            self._mention_retry(attempt, later.tried, later.after_s)
        return later

    async def _answer(
        self, attempt: Attempt, place: Place, screen: Screen, ahead: Ahead, trail: Trail
    ) -> Answer | Answered | Unanswered | Later:
        """The cache's answer, or the model's; a turn's history is read first, however long that takes."""
        prompt, history = attempt.prompt, History()
        if prompt.conversation is not None:
            found = await self._history(prompt.conversation, prompt, place)
            if not isinstance(found, History):
                return Unanswered(found)
            if (recalled := await self._recall(attempt, found.messages)) is not None:
                return recalled
            history = found
        return await self.answering.answer(
            prompt, history, screen, self._progress(attempt), ahead, attempt.tried, trail, attempt.seen
        )

    async def _history(self, conversation: str, prompt: PromptSubmitted, place: Place) -> History | JobError:
        read = functools.partial(self.conversations.history, conversation, place.offset, prompt.replaces, MOST_BYTES)
        found = await until_back(read)
        if found is None:
            return not_last_turn()
        fitting = found.ahead_of(prompt.messages) if prompt.truncation == "auto" or found.is_whole else None
        if fitting is None:
            return over_all_windows()
        at = result_without_call(fitting.messages, prompt.messages)
        return fitting if at is None else no_such_call(prompt, at)

    def _stopped(self, attempt: Attempt, verdict: Kept, screen: Screen) -> Answer | None:
        match verdict:
            case "cancelled" | "expired":
                shown, doubtful = screen.shown, screen.doubtful
                ending = attempt.stopped(verdict, live.text_in(shown))
                return self._ended(attempt, ending, shown if doubtful else (), snapshot=doubtful)
            case _:
                return None

    async def _recall(self, attempt: Attempt, history: tuple[Message, ...]) -> Answer | None:
        """The cached answer to a turn: its key was unknown at the gateway, which does not hold the history."""
        if not cacheable(attempt.prompt) or self.answering.must_judge(attempt.prompt):
            self.counts.looked_up("bypass")
            return None
        earlier = await until_back(lambda: self.cache.recall(attempt.prompt, history))
        self.counts.looked_up("miss" if earlier is None else "hit")
        if earlier is not None:
            attempt.history = history
            return self._ended(attempt, attempt.recalled(earlier), live.pieces_of(earlier))
        return self._ended(attempt, attempt.failed(not_cached())) if attempt.prompt.cache == "only" else None

    def _ended(
        self, attempt: Attempt, ending: Terminal, rest: Sequence[Piece] = (), *, snapshot: bool = False
    ) -> Answer:
        attempt.times["finished"] = self.clock.now_ms()
        return Answer(ending, rest, snapshot)

    def _progress(self, attempt: Attempt) -> Progress:
        return Progress(
            first_token=functools.partial(self._mention_first_token, attempt),
            needs=functools.partial(self._hold_back, attempt),
            counted=functools.partial(_count, attempt),
            fitted=functools.partial(_fit, attempt),
        )

    async def _hold_back(self, attempt: Attempt, tokens: int) -> Unanswered | Later | None:
        """What the estimate did not foresee; a minute's limit is waited for in the queue."""
        if tokens <= attempt.held_tokens:
            return None
        short = await until_back(lambda: self.leases.hold_back(attempt.prompt.job_id, tokens))
        if short is None:
            attempt.held_tokens = tokens
            return None
        return Unanswered(no_quota(short, tokens)) if short.after_s is None else Later(short.after_s)

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
        if not attempt.seen.pieces:
            attempt.times["first_token"] = at_ms
        event = FirstTokenProduced(
            job_id=prompt.job_id, tenant=prompt.tenant, lane=prompt.lane, attempt=attempt.number, worker=attempt.worker,
            at_ms=at_ms,
        )  # fmt: skip
        self.pen.mention(JOB_EVENTS, prompt.job_id, event)

    def _mention_retry(self, attempt: Attempt, tried: Tried, after_s: float) -> None:
        prompt = attempt.prompt
        event = RetryScheduled(
            job_id=prompt.job_id, tenant=prompt.tenant, attempt=attempt.number, tries=tried.times,
            reason=tried.last_error, after_s=after_s, at_ms=self.clock.now_ms(),
        )  # fmt: skip
        self.pen.mention(JOB_EVENTS, prompt.job_id, event)


def _fit(attempt: Attempt, history: tuple[Message, ...], truncated: Truncated | None) -> None:
    attempt.history, attempt.truncated = history, truncated


def _count(attempt: Attempt, usage: Usage | None) -> None:
    attempt.usage = usage
