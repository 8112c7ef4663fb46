"""Dead letters in Redis: found, listed, and what was done about one shown at once."""

from dataclasses import dataclass, replace
from typing import Any

from producers.events import Discarded, PromptSubmitted, Redriven
from producers.jobs import record
from producers.letters import filing
from producers.letters.letter import Letter, letter_of, prompt_in
from producers.state import view, walking
from producers.state.scripts import Scripts, asked
from producers.state.walking import GoOn


@dataclass(frozen=True)
class Wanted:
    """Which letters; what is empty filters nothing. The times are ms: buried from then on, and before then."""

    state: str = ""
    reason: str = ""
    tenant: str = ""
    model: str = ""
    from_ms: float | None = None
    before_ms: float | None = None


@dataclass(frozen=True)
class LetterPage:
    """Some of them; `last` is where the next page begins, though it may not be among these."""

    letters: tuple[Letter, ...]
    has_more: bool
    last: str | None


class Letters:
    """The dead letters of all tenants, for administrators."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def _home(self, letter_id: str) -> str:
        return f"{self._scripts.prefix}letter:{letter_id}"

    async def page(
        self,
        wanted: Wanted,
        most: int,
        after: str | None = None,
        *,
        newest_first: bool = True,
        go_on: GoOn = walking.freely,
    ) -> LetterPage | None:
        """A page of at most so many, one at least if there is any; None where `after` is no letter, and never was.

        Raises:
            Unavailable: Redis does not answer, or knows only a part of the log so far.
        """
        await view.must_be_whole(self._scripts)
        times = (
            "-inf" if wanted.from_ms is None else f"{wanted.from_ms:.3f}",
            "+inf" if wanted.before_ms is None else f"{wanted.before_ms:.3f}",
        )
        filters = wanted.state, wanted.reason, wanted.tenant, wanted.model

        async def look(last: str, last_at: str, most: int, most_looked: int) -> list[Any]:
            order = "1" if newest_first else "0"
            asked_for = last, last_at, most, most_looked, order, *times, *filters
            told: list[Any] = await self._scripts.run("list_letters", *asked_for)
            return told

        walked = await walking.walk(self._scripts.walking, look, most, after, go_on)
        if walked is None:
            return None
        page = walking.page_of(walked)
        return LetterPage(await self._read(page.ids), page.has_more, page.last)

    async def read(self, letter_id: str) -> Letter | None:
        """The letter, or None where there is none.

        Raises:
            Unavailable: Redis does not answer, or knows only a part of the log so far.
        """
        found = await self._read([letter_id])
        if not found:
            await view.must_be_whole(self._scripts)
        return found[0] if found else None

    async def prompt_of(self, letter: Letter) -> PromptSubmitted | None:
        """The prompt that could not be processed: as the letter holds it, or else as its job has it.

        Raises:
            Unavailable: Redis does not answer.
        """
        if not letter.is_of_prompt:
            return None
        if (found := prompt_in(letter.buried)) is not None or letter.buried.job_id is None:
            return found
        job = await record.read(self._scripts, letter.buried.job_id)
        return None if job is None else job.prompt

    async def note(self, event: Redriven | Discarded, offset: int) -> None:
        """Show what the log holds at this offset; twice is once.

        Raises:
            Unavailable: Redis does not answer: the state view will show it.
        """
        await self._scripts.run("note_letter", *filing.of_event(event), offset)

    async def _read(self, ids: list[str]) -> tuple[Letter, ...]:
        if not ids:
            return ()
        pipeline: Any = self._scripts.redis.pipeline(transaction=False)
        for each in ids:
            pipeline.hgetall(self._home(each))
        found = await asked(pipeline.execute())
        letters = [letter_of(letter_id, fields) for letter_id, fields in zip(ids, found, strict=True)]
        return await self._with_their_jobs([each for each in letters if each is not None])

    async def _with_their_jobs(self, letters: list[Letter]) -> tuple[Letter, ...]:
        """Of a letter that does not say so itself, its job says whose it is."""
        pipeline: Any = self._scripts.redis.pipeline(transaction=False)
        for each in letters:
            pipeline.hmget(f"{self._scripts.prefix}job:{each.buried.job_id or ''}", "tenant", "model")
        found = await asked(pipeline.execute()) if letters else []
        return tuple(
            replace(each, tenant=each.tenant or _text(tenant), model=each.model or _text(model))
            for each, (tenant, model) in zip(letters, found, strict=True)
        )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
