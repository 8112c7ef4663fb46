"""Conversations in Redis: opened, listed, shown and forgotten; the history is what its published turns left."""

from dataclasses import dataclass
from typing import Any, cast

import msgspec

from producers.events import ConversationCreated, ConversationDeleted, ConversationUpdated, Lane, Message
from producers.jobs.record import Retention
from producers.jobs.scripts import Scripts, asked
from producers.jobs.turns import Said, Turn, history_of


@dataclass(frozen=True)
class Conversation:
    """One conversation; `lane` is where its first turn pinned it."""

    id: str
    tenant: str
    title: str | None
    metadata: dict[str, str]
    created_ms: float
    lane: Lane | None


@dataclass(frozen=True)
class Page:
    """Some of a tenant's conversations."""

    conversations: tuple[Conversation, ...]
    has_more: bool


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

    async def update(self, event: ConversationUpdated, offset: int) -> None:
        """Show the title and metadata that the log holds at this offset, unless it holds later ones; twice is once."""
        metadata = b"" if event.metadata is None else msgspec.json.encode(event.metadata)
        await self._scripts.run("update_conversation", event.conversation, event.title or "", metadata, offset)

    async def forget(self, event: ConversationDeleted) -> None:
        """Forget a conversation whose deletion the log holds; twice is once."""
        await self._scripts.run("forget_conversation", event.conversation, event.tenant, self._retention.job_ms)

    async def read(self, conversation: str) -> Conversation | None:
        """The conversation, or None where there is none or it was deleted."""
        found = await asked(self._scripts.redis.hgetall(self._home(conversation)))
        if b"created_ms" not in found or b"deleted" in found:
            return None
        title, metadata, created_ms = found[b"title"], found[b"metadata"], found[b"created_ms"]
        return _conversation(conversation, found[b"tenant"].decode(), title, metadata, created_ms, found.get(b"lane"))

    async def pinned(self, conversation: str, lane: Lane) -> Lane:
        """The lane of a conversation's turns: where it is pinned, or else this one from now on."""
        home = self._home(conversation)
        await asked(self._scripts.redis.hsetnx(home, "lane", lane))
        return cast("Lane", (await asked(self._scripts.redis.hget(home, "lane"))).decode())

    async def of_tenant(
        self, tenant: str, most: int, after: str | None = None, *, newest_first: bool = True
    ) -> Page | None:
        """So many of a tenant's conversations by the time of their creation; None where `after` is none of them."""
        verdict: list[Any] = [b"again"]
        while verdict[0] == b"again":
            verdict = await self._scripts.run(
                "list_conversations", tenant, after or "", most, "1" if newest_first else "0"
            )
        if verdict[0] == b"unknown":
            return None
        found = tuple(_conversation(each[0].decode(), tenant, *each[1:]) for each in verdict[2])
        return Page(found, has_more=bool(verdict[1]))

    async def history(
        self, conversation: str, before: int | None = None, replaces: str | None = None
    ) -> tuple[Message, ...] | None:
        """The messages of all published turns, `before` a place (a prompt's offset), without the one it `replaces`.

        None where the turn to be replaced is not the last.
        """
        return history_of(await self.turns(conversation, before), replaces)

    async def turns(self, conversation: str, before: int | None = None) -> tuple[Turn, ...]:
        """All published turns in the log's order; `before` a place (a prompt's offset) if given."""
        end = "+inf" if before is None else f"({before}"
        jobs = await asked(self._scripts.redis.zrangebyscore(f"{self._home(conversation)}:turns", "-inf", end))
        if not jobs:
            return ()
        texts = await asked(self._scripts.redis.hmget(f"{self._home(conversation)}:texts", jobs))
        return tuple(
            Turn(job.decode(), msgspec.json.decode(text, type=tuple[Said, ...]))
            for job, text in zip(jobs, texts, strict=True)
            if text
        )


def _conversation(
    id: str, tenant: str, title: bytes, metadata: bytes, created_ms: bytes, lane: bytes | None
) -> Conversation:
    return Conversation(
        id=id,
        tenant=tenant,
        title=title.decode() or None,
        metadata=msgspec.json.decode(metadata, type=dict[str, str]),
        created_ms=float(created_ms),
        lane=cast("Lane", lane.decode()) if lane else None,
    )
