"""The state view's steps: each record of the log is applied in one script together with its offset, or not at all."""

from dataclasses import dataclass

import msgspec

from producers.events import (
    LANES,
    ConversationCreated,
    ConversationDeleted,
    ConversationEvent,
    PromptSubmitted,
    Terminal,
    status_of,
)
from producers.jobs.record import Retention, describe
from producers.jobs.scripts import Argument, Scripts, asked
from producers.jobs.settling import arguments
from producers.topics import ANSWERS, CONVERSATIONS, Topic, prompts

TOPICS: tuple[Topic, ...] = (*(prompts(lane) for lane in LANES), ANSWERS, CONVERSATIONS)
"""What the state view follows."""
PARTITIONS = sum(topic.partitions for topic in TOPICS)
"""How many partitions must be whole before anybody trusts the view."""


@dataclass(frozen=True)
class Place:
    """Where a record stands: its offset, the position the reader expects, and where its partition becomes whole."""

    topic: str
    partition: int
    offset: int
    expected: int
    mark: int
    timestamp_ms: float

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """As the scripts want it."""
        return f"{self.topic}:{self.partition}", self.expected, self.offset, self.mark


@dataclass(frozen=True)
class Applied:
    """The record is in the view; `result` says what became of it."""

    result: str


@dataclass(frozen=True)
class Seek:
    """The view in Redis stands elsewhere (it was emptied or set back): go on reading from there."""

    position: int


class StateView:
    """Follows `TOPICS` into Redis."""

    def __init__(self, scripts: Scripts, retention: Retention) -> None:
        self._scripts = scripts
        self._retention = retention

    async def position(self, topic: str, partition: int) -> int:
        """The offset of the next record to apply, as Redis knows it.

        Raises:
            Unavailable: Redis does not answer.
        """
        found = await asked(
            self._scripts.redis.hget(f"{self._scripts.prefix}view:state:positions", f"{topic}:{partition}")
        )
        return int(found or 0)

    async def mark_whole(self, topic: str, partition: int, *, is_whole: bool) -> None:
        """Say whether a partition has been read up to its mark.

        Raises:
            Unavailable: Redis does not answer.
        """
        change = self._scripts.redis.sadd if is_whole else self._scripts.redis.srem
        await asked(change(f"{self._scripts.prefix}view:state:whole", f"{topic}:{partition}"))

    async def is_whole(self) -> bool:
        """Whether the view has read all of the log up to its start-up marks.

        Raises:
            Unavailable: Redis does not answer.
        """
        return await is_whole(self._scripts)

    async def apply_prompt(self, prompt: PromptSubmitted, place: Place) -> Applied | Seek:
        """A prompt is in the log: the job exists and is at least queued."""
        return await self._step(
            "view_prompt", place, prompt.job_id, prompt.conversation or "", *describe(prompt, self._retention)
        )

    async def apply_ending(self, ending: Terminal, place: Place) -> Applied | Seek:
        """An ending is in the log: make it visible unless an earlier one is."""
        stored, turn, pairs = arguments(ending, self._retention, place.timestamp_ms)
        return await self._step(
            "view_ending", place, ending.job_id, status_of(ending), place.partition, stored, turn,
            self._retention.tokens_ms, *pairs,
        )  # fmt: skip

    async def apply_conversation(self, event: ConversationEvent, place: Place) -> Applied | Seek:
        """A conversation was created or deleted."""
        ttl_ms = self._retention.job_ms
        match event:
            case ConversationCreated():
                told = ("1", event.conversation, event.tenant, event.title or "", msgspec.json.encode(event.metadata))
                return await self._step("view_conversation", place, *told, f"{event.at_ms:.3f}", ttl_ms)
            case ConversationDeleted():
                return await self._step(
                    "view_conversation", place, "0", event.conversation, event.tenant, "", "", "", ttl_ms
                )

    async def pass_over(self, place: Place) -> Applied | Seek:
        """Nothing to apply, or nothing readable: the position moves on."""
        return await self._step("view_pass", place)

    async def _step(self, script: str, place: Place, *told: Argument) -> Applied | Seek:
        verdict, result = await self._scripts.run(script, *place.arguments, *told)
        return Seek(int(result)) if verdict == b"seek" else Applied(result.decode())


async def is_whole(scripts: Scripts) -> bool:
    """Whether the state view has read all of the log up to its start-up marks.

    Raises:
        Unavailable: Redis does not answer.
    """
    return bool(await asked(scripts.redis.scard(f"{scripts.prefix}view:state:whole")) >= PARTITIONS)
