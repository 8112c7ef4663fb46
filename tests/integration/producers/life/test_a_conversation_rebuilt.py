"""A conversation lived through the scripts of gateway and worker, and the same read from the log by the view alone."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.settings import RedisSettings
from producers.conversations.turns import Item
from producers.events import (
    ConversationCreated,
    ConversationUpdated,
    ItemsAdded,
    ItemsDeleted,
    Limits,
    Message,
    PromptSubmitted,
    Terminal,
)
from producers.jobs.intake import Accepted
from producers.log.places import Place
from producers.state.positions import Move
from producers.state.scripts import asked
from tests.support.builders import CLOCK, a_cancelled, a_completed, a_failed, a_prompt
from tests.support.life import House, a_house, claimed
from tests.support.talk import said_in, turns_of
from tests.support.views import applied

ABOUT: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}
GENEROUS = Limits(requests_per_minute=10_000, jobs_in_flight=1_000)
PARTITIONS = 3
"""Of the endings, as many as it takes for them to be read in another order."""


@dataclass
class Life:
    """What happens to a conversation, by chance; `log` is what was said of it, by topic and partition."""

    house: House
    chance: random.Random
    log: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    waiting: list[tuple[PromptSubmitted, int]] = field(default_factory=list)
    """Turns that were taken and have not run, with their places."""

    def say(self, topic: str, partition: int, event: Any) -> int:
        """Put an event into the log; its offset."""
        told = self.log.setdefault((topic, partition), [])
        told.append(event)
        return len(told) - 1

    async def begin(self) -> None:
        created = ConversationCreated(**ABOUT, title="first", at_ms=CLOCK.now_ms())
        self.say("conversations", 0, created)
        await self.house.conversations.open(created)

    async def go_on(self) -> None:
        steps = [self.submit, self.submit, self.add, self.delete, self.rename]
        if self.waiting:
            steps += [self.run] * 3
        await self.chance.choice(steps)()

    async def submit(self) -> None:
        """One more turn is taken; maybe one that replaces the last."""
        turns = await turns_of(self.house.conversations, "conv_1")
        can_replace = turns and not self.waiting and not turns[-1].job_id.startswith("added:")
        replaces = turns[-1].job_id if can_replace and self.chance.random() < 0.3 else None
        prompt = a_prompt(f"question {self.chance.random()}", conversation="conv_1", replaces=replaces)
        assert isinstance(await self.house.intake.accept(prompt, GENEROUS), Accepted)
        offset = self.say("prompts.standard", 0, prompt)
        await self.house.intake.acknowledge(prompt.job_id, "conv_1", offset)
        self.waiting.append((prompt, offset))

    async def run(self) -> None:
        """The next turn is claimed and ends, in whichever way."""
        prompt, place = self.waiting.pop(0)
        await claimed(self.house.other, prompt, place)
        endings: list[Terminal] = [
            a_completed(prompt, "answer"), a_completed(prompt, "answer"), a_failed(prompt),
            a_cancelled(prompt, ran=True, text="so far"), a_cancelled(prompt, ran=True, text=""),
        ]  # fmt: skip
        ending, partition = self.chance.choice(endings), self.chance.randrange(PARTITIONS)
        offset = self.say("answers", partition, ending)
        await self.house.settling.settle(ending, partition, offset, CLOCK.now_ms())

    async def add(self) -> None:
        texts = [f"added {self.chance.random()}" for _ in range(self.chance.randint(1, 3))]
        role = self.chance.choice(["user", "user", "system"])
        after = await self.house.conversations.last_place("conv_1")
        event = ItemsAdded(**ABOUT, messages=tuple(Message(role, each) for each in texts), after=after)
        await self.house.conversations.add(event, self.say("conversations", 0, event))

    async def delete(self) -> None:
        if items := await items_in(self.house):
            event = ItemsDeleted(**ABOUT, items=(self.chance.choice(items).id,))
            self.say("conversations", 0, event)
            await self.house.conversations.leave_out(event)

    async def rename(self) -> None:
        event = ConversationUpdated(**ABOUT, title=f"title {self.chance.random()}")
        await self.house.conversations.update(event, self.say("conversations", 0, event))


async def counted(house: House) -> list[Any]:
    """What its home and its gaps tell of its turns and of what was added."""
    home = f"{house.scripts.prefix}conversation:conv_1"
    pipeline: Any = house.scripts.redis.pipeline()
    pipeline.hmget(home, "newest", "since", "bytes")
    pipeline.hgetall(f"{home}:gaps")
    for each in ("added", "instructed"):
        pipeline.zrange(f"{home}:{each}", 0, -1, withscores=True)
    newest, gaps, *lists = await asked(pipeline.execute())
    return [newest, {turn: size for turn, size in gaps.items() if size != b"0"}, *lists]


async def places(house: House) -> list[Any]:
    """Where its turns stand, those included that have left nothing yet."""
    key = f"{house.scripts.prefix}conversation:conv_1:turns"
    return list(await house.scripts.redis.zrange(key, 0, -1, withscores=True))


async def can_replace_the_last(house: House) -> bool:
    last = (await turns_of(house.conversations, "conv_1"))[-1].job_id
    again = a_prompt("again", conversation="conv_1", replaces=last)
    return isinstance(await house.intake.accept(again, GENEROUS), Accepted)


async def items_in(house: House) -> list[Item]:
    return [item for turn in await turns_of(house.conversations, "conv_1") for item in turn.items()]


@pytest.mark.parametrize("seed", range(12))
async def test_the_view_makes_of_the_log_what_was_lived(house: House, redis_settings: RedisSettings, seed: int) -> None:
    """In whatever order it reads the partitions, and though it has seen nothing of it before."""
    life = Life(house, random.Random(seed))
    await life.begin()
    for _ in range(40):
        await life.go_on()
    while life.waiting:
        await life.run()

    async with a_house(RedisSettings(redis_settings.url, prefix=f"{redis_settings.prefix}anew.")) as anew:
        left = {place: list(enumerate(told)) for place, told in life.log.items()}
        while left:
            place = life.chance.choice(list(left))
            at, event = left[place].pop(0)
            await applied(anew.scripts, event, Move(Place(*place, at), at, at + 1, CLOCK.now_ms()))
            left = {place: told for place, told in left.items() if told}

        lived, rebuilt = await house.conversations.read("conv_1"), await anew.conversations.read("conv_1")
        assert await items_in(anew) == await items_in(house) != []
        assert await said_in(anew.conversations, "conv_1") == await said_in(house.conversations, "conv_1")
        assert await places(anew) == await places(house)
        assert await counted(anew) == await counted(house)
        assert await can_replace_the_last(anew) == await can_replace_the_last(house)
        assert lived is not None
        assert rebuilt is not None
        assert (rebuilt.title, rebuilt.metadata) == (lived.title, lived.metadata)
