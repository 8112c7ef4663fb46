"""Conversations in Redis: opened, listed, shown and forgotten; the history is what its published turns left."""

import math
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import cast

import msgspec

from producers.conversations.past import AT_ONCE_BYTES, Past
from producers.conversations.recent import History
from producers.conversations.turns import Turn, added_at, said
from producers.events import (
    ConversationCreated,
    ConversationDeleted,
    ConversationUpdated,
    ItemsAdded,
    ItemsDeleted,
    Lane,
    Message,
)
from producers.state.listing import Ids, Listing
from producers.state.retention import Retention
from producers.state.scripts import Scripts, asked


@dataclass(frozen=True)
class Conversation:
    """One conversation; `lane` is where its first turn pinned it."""

    id: str
    tenant: str
    title: str | None
    metadata: dict[str, str]
    created_ms: float
    lane: Lane | None
    size_bytes: int = 0
    """How much is kept of what was said in it."""


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
        self._listing = Listing(scripts)

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

    async def add(self, event: ItemsAdded, offset: int) -> Turn:
        """Show items that the log holds at this offset, or at an earlier one under the same name; twice is once."""
        messages = said(event.messages)
        first = await self._scripts.run(
            "add_items", event.conversation, event.tenant, msgspec.json.encode(messages), event.after, offset,
            self._retention.job_ms, event.added,
        )  # fmt: skip
        return Turn(added_at(int(first), event.added), messages, event.conversation)

    async def added(self, conversation: str, name: str, messages: tuple[Message, ...]) -> Turn | None:
        """These messages as they were added under that name; None where nothing was."""
        first = await asked(self._scripts.redis.hget(f"{self._home(conversation)}:texts", f"name:{name}"))
        return Turn(added_at(int(first), name), said(messages), conversation) if first else None

    async def leave_out(self, event: ItemsDeleted) -> None:
        """Leave out items whose deletion the log holds; twice is once."""
        items, jobs = msgspec.msgpack.encode(event.items), msgspec.msgpack.encode(event.jobs)
        about = event.conversation, event.tenant
        await self._scripts.run("delete_items", *about, items, jobs, self._retention.job_ms)

    async def untold(self, most: int) -> tuple[str, ...]:
        """So many of the conversations in use whose creation is to be told anew."""
        found = await asked(self._scripts.redis.srandmember(f"{self._scripts.prefix}untold", most))
        return tuple(each.decode() for each in found)

    async def told_anew(self, conversation: str) -> None:
        """The log holds its creation anew, or it is gone."""
        await self._scripts.run("told_anew", conversation)

    async def last_place(self, conversation: str) -> int:
        """The place of the conversation's last turn; -1 before the first."""
        last = await asked(self._scripts.redis.zrange(f"{self._home(conversation)}:turns", -1, -1, withscores=True))
        return math.floor(last[0][1]) if last else -1

    async def read(self, conversation: str) -> Conversation | None:
        """The conversation, or None where there is none or it was deleted."""
        found = await asked(self._scripts.redis.hgetall(self._home(conversation)))
        return _conversation(conversation, found)

    async def pinned(self, conversation: str, lane: Lane) -> Lane:
        """The lane of a conversation's turns: where it is pinned, or else this one from now on."""
        home = self._home(conversation)
        await asked(self._scripts.redis.hsetnx(home, "lane", lane))
        return cast("Lane", (await asked(self._scripts.redis.hget(home, "lane"))).decode())

    async def of_tenant(
        self, tenant: str, most: int, after: str | None = None, *, newest_first: bool = True
    ) -> Page | None:
        """So many of a tenant's conversations by the time of their creation; None where `after` is none of them."""
        page = await self._listing.page("conversation", "conversations", tenant, Ids(after, most, newest_first))
        if page is None:
            return None
        homes = await self._listing.homes([self._home(each) for each in page.ids])
        found = (_conversation(id, home) for id, home in zip(page.ids, homes, strict=True))
        return Page(tuple(each for each in found if each is not None), page.has_more)

    async def history(
        self, conversation: str, before: int | None = None, replaces: str | None = None, most_bytes: int = AT_ONCE_BYTES
    ) -> History | None:
        """What published turns said, `before` a place (a prompt's offset), without the one it `replaces`.

        None where that one is not the last. However long it is, about `most_bytes` of it are read and held.
        """
        return await Past(self._scripts, conversation).history(before, replaces, most_bytes)

    async def unanswered(self, conversation: str, calls: Iterable[str]) -> frozenset[str]:
        """Which of these calls of tools were made in published turns, or added, and have no result yet.

        Those that stand so far back that no model is shown them are not found.
        """
        return await Past(self._scripts, conversation).unanswered(calls)

    def told(self, conversation: str, *, newest_first: bool = False) -> AsyncIterator[tuple[Turn, ...]]:
        """All published turns in the log's order, or the other way round, some at a time."""
        return Past(self._scripts, conversation).told(newest_first=newest_first)


def _conversation(id: str, home: dict[bytes, bytes]) -> Conversation | None:
    """The conversation that a hash in Redis tells; None where there is none, or it was deleted."""
    if b"created_ms" not in home or b"deleted" in home:
        return None
    return Conversation(
        id=id,
        tenant=home[b"tenant"].decode(),
        title=home[b"title"].decode() or None,
        metadata=msgspec.json.decode(home[b"metadata"], type=dict[str, str]),
        created_ms=float(home[b"created_ms"]),
        lane=cast("Lane", home[b"lane"].decode()) if home.get(b"lane") else None,
        size_bytes=int(home.get(b"bytes", 0)),
    )
