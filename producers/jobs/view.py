"""The state view's steps: each record of the log is applied in one script together with its offset, or not at all."""

from typing import Any

import msgspec

from infra.errors import Unavailable
from producers import cache_policy
from producers.events import (
    LANES,
    AnswerCompleted,
    ConversationCreated,
    ConversationDeleted,
    ConversationEvent,
    ConversationUpdated,
    Lane,
    PromptSubmitted,
    Terminal,
    status_of,
)
from producers.jobs.positions import Move, Positions
from producers.jobs.record import Retention, describe
from producers.jobs.scripts import Argument, Call, Scripts, asked
from producers.jobs.settling import arguments
from producers.topics import ANSWERS, CONVERSATIONS, VIEWS, Topic, prompts

NAME = VIEWS["fanout"]
TOPICS: tuple[Topic, ...] = (*(prompts(lane) for lane in LANES), ANSWERS, CONVERSATIONS)
"""What the state view follows."""
PARTITIONS = sum(topic.partitions for topic in TOPICS)
"""How many partitions must be whole before anybody trusts the view."""


class StateView:
    """Follows `TOPICS` into Redis: the calls to be run for each record, with others in one round trip."""

    def __init__(self, scripts: Scripts, retention: Retention, cache_ttl_ms: int = cache_policy.TTL_MS) -> None:
        self._retention = retention
        self._cache_ttl_ms = cache_ttl_ms
        self.positions = Positions(scripts, NAME)

    def prompt(self, prompt: PromptSubmitted, move: Move) -> Call:
        """A prompt is in the log: the job exists and is at least queued."""
        return self._call(
            "view_prompt", move, prompt.job_id, prompt.conversation or "", describe(prompt, self._retention)
        )

    def ending(self, ending: Terminal, move: Move, now_ms: float) -> Call:
        """An ending is in the log: make it visible unless an earlier one is, and keep a fresh answer in the cache."""
        stored, turn, described = arguments(ending, self._retention, move.timestamp_ms)
        key, ttl_ms = self._cached(ending, now_ms - move.timestamp_ms)
        return self._call(
            "view_ending", move, ending.job_id, status_of(ending), move.place.partition, stored, turn,
            self._retention.tokens_ms, key, ttl_ms, described,
        )  # fmt: skip

    def conversation(self, event: ConversationEvent, move: Move) -> Call:
        """A conversation was created, updated or deleted."""
        ttl_ms = self._retention.job_ms
        match event:
            case ConversationCreated():
                told = ("1", event.conversation, event.tenant, event.title or "", msgspec.json.encode(event.metadata))
                return self._call("view_conversation", move, *told, f"{event.at_ms:.3f}", ttl_ms)
            case ConversationUpdated():
                changes = event.title or "", msgspec.json.encode(event.metadata) if event.metadata is not None else b""
                return self._call(
                    "view_conversation", move, "2", event.conversation, event.tenant, *changes, "", ttl_ms
                )
            case ConversationDeleted():
                return self._call("view_conversation", move, "0", event.conversation, event.tenant, "", "", "", ttl_ms)

    def _call(self, script: str, move: Move, *told: Argument) -> Call:
        return Call(script, (*move.arguments(NAME), *told))

    def _cached(self, ending: Terminal, age_ms: float) -> tuple[str, int]:
        """The key under which the answer is to be kept, and for how long; none for what the model did not just say."""
        ttl_ms = int(self._cache_ttl_ms - max(0.0, age_ms))
        fresh = isinstance(ending, AnswerCompleted) and ending.cache == "miss" and cache_policy.cacheable(ending.prompt)
        if not fresh or ttl_ms <= 0:
            return "", 0
        return f"cache:{cache_policy.key_of(ending.prompt, ending.history)}", ttl_ms


async def queued(scripts: Scripts) -> dict[Lane, int]:
    """By lane, how many jobs are in the log and not claimed.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    await must_be_whole(scripts)
    pipeline: Any = scripts.redis.pipeline(transaction=False)
    for lane in LANES:
        pipeline.scard(f"{scripts.prefix}queued:{lane}")
    return dict(zip(LANES, await asked(pipeline.execute()), strict=True))


async def is_whole(scripts: Scripts) -> bool:
    """Whether the state view has read all of the log up to its start-up marks.

    Raises:
        Unavailable: Redis does not answer.
    """
    return bool(await scripts.run("is_whole", NAME, PARTITIONS))


async def must_be_whole(scripts: Scripts) -> None:
    """Asked before a list is read from the view, and before something that it does not hold is said not to exist.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    if not await is_whole(scripts):
        raise Unavailable("redis", "the state is being rebuilt from the log")


async def whole_partitions(scripts: Scripts) -> int:
    """How many of the state view's partitions have been read up to their start-up marks.

    Raises:
        Unavailable: Redis does not answer.
    """
    return int(await asked(scripts.redis.scard(f"{scripts.prefix}view:{NAME}:whole")))
