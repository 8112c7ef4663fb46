"""What people do about dead letters: each act is recorded, then done, then told; done twice it is once.

A redrive first hands its prompt in, under the id that follows from letter and number, and then says so. Who dies
between the two leaves a job that runs and a letter that is dead: to redrive it again finds that very job.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.clock import Clock
from infra.errors import TooLarge, WrongField
from infra.fuse import Fuse
from producers.administration.acts import Actor, recorded
from producers.events import Act, Change, Discarded, PromptSubmitted, Redriven
from producers.jobs import record
from producers.letters import rewriting
from producers.letters.letter import Letter
from producers.letters.rewriting import NO_PROMPT, NOT_A_PROMPT, Edited, Refused, Rules
from producers.letters.store import Letters, Wanted
from producers.log.dead_letters import key_of
from producers.log.publisher import Publisher
from producers.log.topics import AUDIT, DEAD_LETTERS
from producers.prompts import bounds
from producers.state import view
from producers.state.scripts import Scripts

LONGEST_NOTE: Final = 2000
MOST_AT_ONCE: Final = 100
"""Letters that one sweep takes."""


@dataclass(frozen=True)
class Swept:
    """What became of a page of letters, those that were refused with why; `last` is where the next page begins."""

    redriven: tuple[Redriven, ...]
    refused: tuple[tuple[str, Refused], ...]
    has_more: bool
    last: str | None


class LetterActs:
    """The acts of one actor upon dead letters."""

    def __init__(
        self, scripts: Scripts, publisher: Publisher, rules: Rules, clock: Clock, actor: Actor, fuse: Fuse
    ) -> None:
        self._scripts = scripts
        self._letters = Letters(scripts)
        self._publisher = publisher
        self._rules = rules
        self._clock = clock
        self._actor = actor
        self._fuse = fuse

    async def redrive(self, letter: Letter, number: int = 1, edited: Edited | None = None) -> Redriven | Refused:
        """Hand the letter's prompt in again, or another in its place; the same number is the same job.

        Raises:
            WrongField: the edited prompt is wrong, there is no such number, or the model is not served any more.
            TooLarge: the edited prompt is larger than a gateway takes.
            Unavailable: the broker or Redis did not answer; the same again does no harm.
        """
        if not letter.is_of_prompt:
            return NOT_A_PROMPT
        known = letter.redrive(number)
        if known is None and letter.state == "discarded":
            return Refused("discarded", "This letter was discarded.")
        if known is None and not 1 <= number <= len(letter.redrives) + 1:
            raise WrongField(f"number must be from 1 to {len(letter.redrives) + 1}.", "number")
        if known is not None and edited is None:
            return known
        before = await self._letters.prompt_of(letter)
        prompt = self._prompt(letter, rewriting.new_job_id(letter, number), before, edited)
        if isinstance(prompt, Refused):
            return prompt
        job = await record.read(self._scripts, prompt.job_id)
        if job is None:
            await view.must_be_whole(self._scripts)
        if known is None and job is not None:
            # Somebody handed it in, and died before they said so.
            known = await self._tell(letter, number, job.prompt, before)
        if known is None:
            await self._record("letter.redriven", letter, (Change("job", letter.buried.job_id or "", prompt.job_id),))
            await self._publisher.submit(prompt)
            self._fuse.passed("redriven")
            known = await self._tell(letter, number, prompt, before)
        return known if known.fingerprint == prompt.fingerprint else _other_prompt(known)

    async def redrive_page(self, wanted: Wanted, most: int, after: str | None = None) -> Swept | None:
        """Redrive as they were the letters of a page, oldest first; None where `after` is no letter.

        Raises:
            Unavailable: the broker or Redis did not answer; some may be redriven, and the same again does no harm.
        """
        page = await self._letters.page(wanted, min(most, MOST_AT_ONCE), after, newest_first=False)
        if page is None:
            return None
        # All of them end, also where one is in trouble: nothing goes on behind the back of who asked.
        done = await asyncio.gather(*map(self._redrive_one, page.letters), return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException):
                raise each
        told = list(zip(page.letters, done, strict=True))
        return Swept(
            tuple(each for _, each in told if isinstance(each, Redriven)),
            tuple((letter.id, each) for letter, each in told if isinstance(each, Refused)),
            page.has_more,
            page.last,
        )

    async def discard(self, letter: Letter, note: str) -> Discarded | Refused:
        """Say that nothing is to become of a letter, and why; one that was discarded stays as it was.

        Raises:
            WrongField: the note is missing or too long.
            Unavailable: the broker or Redis did not answer; the same again does no harm.
        """
        bounds.short("note", note.strip(), LONGEST_NOTE)
        if letter.discarded is not None:
            return letter.discarded
        if letter.state == "redriven":
            return Refused("redriven", "This letter was redriven: it has a job, which can be cancelled.")
        await self._record("letter.discarded", letter, (Change("note", "", note.strip()),))
        event = Discarded(letter_id=letter.id, note=note.strip(), by=self._actor.name, at_ms=self._clock.now_ms())
        await self._say(letter, event)
        return event

    async def _redrive_one(self, letter: Letter) -> Redriven | Refused:
        try:
            return await self.redrive(letter)
        except WrongField as error:
            return Refused(error.code or "", str(error))
        except TooLarge as error:
            return Refused("too_large", str(error))

    def _prompt(
        self, letter: Letter, job_id: str, before: PromptSubmitted | None, edited: Edited | None
    ) -> PromptSubmitted | Refused:
        now_ms = self._clock.now_ms()
        if edited is not None:
            return rewriting.as_edited(edited, letter, before, job_id, now_ms, self._actor.name, self._rules)
        return NO_PROMPT if before is None else rewriting.as_it_was(before, job_id, now_ms, self._rules)

    async def _tell(
        self, letter: Letter, number: int, prompt: PromptSubmitted, before: PromptSubmitted | None
    ) -> Redriven:
        """Say that this prompt is in the log; what counts is who said so first."""
        event = Redriven(
            letter_id=letter.id,
            number=number,
            job_id=prompt.job_id,
            edited=before is None or before.fingerprint != prompt.fingerprint,
            fingerprint=prompt.fingerprint,
            by=self._actor.name,
            at_ms=self._clock.now_ms(),
        )
        await self._say(letter, event)
        shown = await self._letters.read(letter.id)
        return event if shown is None else shown.redrive(number) or event

    async def _say(self, letter: Letter, event: Redriven | Discarded) -> None:
        written = await self._publisher.publish(DEAD_LETTERS, key_of(letter.buried), event)
        await self._letters.note(event, written.offset)

    async def _record(self, act: Act, letter: Letter, changes: Sequence[Change]) -> None:
        record = recorded(self._actor, act, letter.id, letter.tenant or "", self._clock.now_ms(), changes)
        await self._publisher.publish(AUDIT, letter.id, record)


def _other_prompt(known: Redriven) -> Refused:
    return Refused(
        "redriven",
        f"Redrive {known.number} of this letter is job {known.job_id}, of another prompt; ask for number "
        f"{known.number + 1} to redrive it once more.",
    )
