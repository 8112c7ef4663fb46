"""Conversations in Redis: opened, listed, shown and forgotten; the history is what its published turns left."""

from dataclasses import dataclass

import msgspec

from producers.events import ConversationCreated, ConversationDeleted, Lane, Message
from producers.jobs.record import Retention
from producers.jobs.scripts import Scripts, asked


@dataclass(frozen=True)
class Conversation:
    """One conversation; `lane` is where its first turn pinned it."""

    id: str
    tenant: str
    title: str | None
    metadata: dict[str, str]
    created_ms: float
    lane: Lane | None


class Conversations:
    """The conversations of all tenants; whoever asks checks the tenant."""

    def __init__(self, scripts: Scripts, retention: Retention) -> None:
        self._scripts = scripts
        self._retention = retention

    def _home(self, conversation: str) -> str:
        return f"{self._scripts.prefix}conversation:{conversation}"

    async def open(self, event: ConversationCreated) -> None:
        """Make a conversation visible whose creation the log holds; twice is once."""
        await self._scripts.run(
            "open_conversation", event.conversation, event.tenant, event.title or "",
            msgspec.json.encode(event.metadata), f"{event.at_ms:.3f}", self._retention.job_ms,
        )  # fmt: skip

    async def forget(self, event: ConversationDeleted) -> None:
        """Forget a conversation whose deletion the log holds; twice is once."""
        await self._scripts.run("forget_conversation", event.conversation, event.tenant, self._retention.job_ms)

    async def read(self, conversation: str) -> Conversation | None:
        """The conversation, or None where there is none or it was deleted."""
        found = await asked(self._scripts.redis.hgetall(self._home(conversation)))
        if b"created_ms" not in found or b"deleted" in found:
            return None
        return Conversation(
            id=conversation,
            tenant=found[b"tenant"].decode(),
            title=found[b"title"].decode() or None,
            metadata=msgspec.json.decode(found[b"metadata"], type=dict[str, str]),
            created_ms=float(found[b"created_ms"]),
            lane=found[b"lane"].decode() if b"lane" in found else None,
        )

    async def of_tenant(self, tenant: str) -> list[str]:
        """The ids of a tenant's conversations, newest first."""
        found = await asked(self._scripts.redis.zrevrange(f"{self._scripts.prefix}conversations:{tenant}", 0, -1))
        return [each.decode() for each in found]

    async def history(self, conversation: str, before: int | None = None) -> tuple[Message, ...]:
        """The messages of all published turns in the log's order; `before` a place (a prompt's offset) if given."""
        end = "+inf" if before is None else f"({before}"
        jobs = await asked(self._scripts.redis.zrangebyscore(f"{self._home(conversation)}:turns", "-inf", end))
        if not jobs:
            return ()
        texts = await asked(self._scripts.redis.hmget(f"{self._home(conversation)}:texts", jobs))
        turns = (msgspec.json.decode(each, type=tuple[Message, ...]) for each in texts if each)
        return tuple(message for turn in turns for message in turn)
