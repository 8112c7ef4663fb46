"""What `headrace dead` works with: the letters as Redis shows them, and the acts of who is at the keyboard."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import click

from infra import redis
from infra.clock import SystemClock
from infra.fuse import Fuse
from infra.settings import RedisSettings
from producers.administration.command import actor, connected
from producers.administration.letters import LetterActs
from producers.letters.letter import Letter
from producers.letters.rewriting import Rules
from producers.letters.store import Letters, Wanted
from producers.prompts.publishing import PublisherSettings
from producers.state.scripts import Scripts

Answer = TypeVar("Answer")
PAGE = 100


@dataclass(frozen=True)
class Desk:
    """All that a command has in hand."""

    letters: Letters
    acts: LetterActs

    async def find(self, letter_id: str) -> Letter:
        """The letter.

        Raises:
            ClickException: there is none.
        """
        found = await self.letters.read(letter_id)
        if found is None:
            raise click.ClickException(f"there is no dead letter {letter_id}; see `headrace dead list`")
        return found

    async def newest(self, wanted: Wanted, most: int) -> list[Letter]:
        """So many at most, the newest first."""
        found, after = list[Letter](), None
        while len(found) < most:
            page = await self.letters.page(wanted, min(PAGE, most - len(found)), after)
            found += () if page is None else page.letters
            if page is None or not page.has_more:
                break
            after = page.last
        return found


def at_desk(work: Callable[[Desk], Awaitable[Answer]]) -> Answer:
    """Do it at a desk of the stack that the settings name, or that runs here.

    Raises:
        Unavailable: Kafka or Redis does not answer.
    """
    return asyncio.run(_at_desk(work))


async def _at_desk(work: Callable[[Desk], Awaitable[Answer]]) -> Answer:
    async with _desk() as desk:
        return await work(desk)


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    settings = PublisherSettings.from_env()
    redis_settings = settings.redis or RedisSettings()
    client = redis.client(redis_settings)
    try:
        async with connected(settings.kafka) as (pen, registry):
            scripts = Scripts(client, redis_settings)
            rules = Rules(settings.prompts, settings.webhooks.policy, registry)
            yield Desk(Letters(scripts), LetterActs(scripts, pen, rules, SystemClock(), actor(), Fuse()))
    finally:
        await client.aclose()
