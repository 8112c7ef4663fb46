"""Getting one answer out of the model server, over as many tries in place as it takes."""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from infra.errors import Unavailable
from producers.conversations.recent import History
from producers.events import PromptSubmitted
from producers.jobs.lease import Tried
from producers.moderation import Moderator, Refused
from producers.settings import OUTLINES
from stream_workers.inference import retries
from stream_workers.inference.ahead import Ahead, Prepared
from stream_workers.inference.endings import Answered, Later, Unanswered, failure, unjudged
from stream_workers.inference.fleet import Fleet, Seat, Server
from stream_workers.inference.parameters import most_prompt_tokens
from stream_workers.inference.prompting import Prompting
from stream_workers.inference.screen import Screen
from stream_workers.inference.seen import NOTHING, Seen, goes_on
from stream_workers.inference.trouble import Trouble
from stream_workers.inference.trying import Progress, Trying

log = logging.getLogger(__name__)


@dataclass
class Trail:
    """Which server has failed a prompt last, as far as this worker knows: another one is tried first."""

    failed_at: Server | None = None


class Answering:
    """Asks the model once; after trouble that may pass the job is put off, as `retries` says with `delays_s`.

    Nobody waits under a lease or in a slot. A server that could not be reached costs no try where no connection was
    made. Where one was, and the server hung up, it does cost one: a prompt that kills the server must not do so for
    ever.
    """

    def __init__(
        self,
        fleet: Fleet,
        delays_s: Sequence[float],
        moderator: Moderator,
        most_answer_tokens: int,
        held_by: str = OUTLINES,
        *,
        server_continues: bool = True,
    ) -> None:
        self.fleet = fleet
        self._moderator = moderator
        self._delays_s = tuple(delays_s)
        self._most_answer_tokens = most_answer_tokens
        self._held_by = held_by
        self._server_continues = server_continues

    def ahead(self, prompt: PromptSubmitted) -> Ahead:
        """What can be prepared before the claim: nothing of a turn, whose history is known only then."""
        return Ahead() if prompt.conversation is not None else Ahead(lambda seat: self._templated(prompt, seat))

    async def answer(
        self,
        prompt: PromptSubmitted,
        history: History,
        screen: Screen,
        progress: Progress,
        ahead: Ahead,
        tried: Tried,
        trail: Trail,
        seen: Seen = NOTHING,
    ) -> Answered | Unanswered | Later:
        """The whole answer, on the screen as it comes, from what was seen on; or what is to be done instead."""
        if self.must_judge(prompt) and (refused := await self._refused(prompt)) is not None:
            return refused
        if (seat := ahead.seat or self.fleet.seat(trail.failed_at)) is None:
            return Later()
        ahead.seat = seat
        prepared = await ahead.take() or await self._prepared(prompt, history, seat)
        outcome = (
            prepared if isinstance(prepared, Trouble) else await self._try(prompt, prepared, screen, progress, seen)
        )
        if isinstance(outcome, Answered):
            seat.answered()
            ahead.leave()
            return await self._judge(prompt, outcome)
        if isinstance(outcome, Unanswered | Later):
            return outcome
        log.warning("trouble, %s: %s", outcome.kind, outcome.message, extra={"job_id": prompt.job_id})
        trail.failed_at = seat.server
        seat.troubled(outcome)
        ahead.leave()
        return self._after(outcome, prompt, tried)

    def _after(self, trouble: Trouble, prompt: PromptSubmitted, tried: Tried) -> Later | Unanswered:
        told = failure(trouble, prompt)
        error = f"{trouble.kind}: {told.message}"
        chance = random.uniform(-1, 1)  # noqa: S311 # spreads retries, guards nothing
        match retries.after(trouble.kind, error, tried, self._delays_s, chance):
            case retries.Retry(after_s, now_tried):
                return Later(after_s, now_tried)
            case None:
                may_pass = trouble.kind in retries.RULES
                return Unanswered(told, tried.once_more(error) if may_pass else None)

    @property
    def judged(self) -> bool:
        """Whether nothing of an answer may be shown before the whole of it was judged."""
        return self._moderator.judges_answers

    def goes_on(self, prompt: PromptSubmitted) -> bool:
        """Whether readers may see a part of the answer: another attempt could go on from there."""
        return self._server_continues and not self.judged and goes_on(prompt)

    def must_judge(self, prompt: PromptSubmitted) -> bool:
        """Whether there is a hook for prompts, and no gateway asked it about this one."""
        return self._moderator.judges_prompts and not prompt.judged

    async def _refused(self, prompt: PromptSubmitted) -> Unanswered | None:
        """Why the model is not shown the prompt, if it must not be; without a judgement it is not."""
        try:
            judged = await self._moderator.judge_prompt(prompt)
        except Unavailable as error:
            return Unanswered(unjudged("prompt", error))
        return Unanswered(judged.of_prompt) if isinstance(judged, Refused) else None

    async def _judge(self, prompt: PromptSubmitted, answered: Answered) -> Answered | Unanswered:
        """The answer as it may be seen; without a judgement there is none."""
        try:
            return Answered(await self._moderator.judge_choices(prompt, answered.choices), answered.usage)
        except Unavailable as error:
            return Unanswered(unjudged("answer", error))

    async def _prepared(self, prompt: PromptSubmitted, history: History, seat: Seat) -> Prepared | Trouble:
        limits = await seat.limits()
        if isinstance(limits, Trouble):
            return limits
        most = most_prompt_tokens(prompt.sampling, limits)
        return Prepared(limits, Prompting(seat.model, prompt, history, most), seat)

    async def _templated(self, prompt: PromptSubmitted, seat: Seat) -> Prepared | Trouble:
        """The same, and what the model is asked first stands ready in it."""
        prepared = await self._prepared(prompt, History(), seat)
        if isinstance(prepared, Prepared):
            text = await prepared.prompting.templated(offering=bool(prompt.tools))
            if isinstance(text, Trouble):
                return text
        return prepared

    async def _try(
        self, prompt: PromptSubmitted, prepared: Prepared, screen: Screen, progress: Progress, seen: Seen
    ) -> Answered | Unanswered | Later | Trouble:
        most, held_by = self._most_answer_tokens, self._held_by
        prompting, limits = prepared.prompting, prepared.limits
        seat = prepared.seat
        trying = Trying(seat.model, prompt, prompting, limits, most, held_by, screen, progress, seen)

        def first_token() -> None:
            seat.first_token(trying.prompt_tokens)
            progress.first_token()

        trying.progress = replace(progress, first_token=first_token)
        seat.asked()
        return await trying.answer()
