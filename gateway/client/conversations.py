"""Conversations and reports of one gateway, as one key sees them."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from gateway.client.objects import Conversation, ConversationItem, Page, Report, ReportName
from gateway.client.wire import Wire
from producers.prompts import saying

Order = Literal["asc", "desc"]


class AsyncConversations:
    """History kept for you: a job's `conversation` is the id of one, its prompt then only the new message."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def create(self, title: str | None = None, *, metadata: Mapping[str, str] | None = None) -> Conversation:
        """Open one. A try that is repeated after a lost connection may leave an empty one behind."""
        body = saying.body_of({"title": title, "metadata": metadata})
        return await self._wire.ask(Conversation, "POST", "v1/conversations", body=body)

    async def get(self, conversation_id: str) -> Conversation:
        """One of them."""
        return await self._wire.ask(Conversation, "GET", _path(conversation_id))

    async def list(self, *, after: str | None = None, limit: int = 20, order: Order = "desc") -> Page[Conversation]:
        """Some of them, newest first unless said otherwise."""
        params = _page(after, limit, order)
        return await self._wire.ask(Page[Conversation], "GET", "v1/conversations", params=params)

    async def items(
        self, conversation_id: str, *, after: str | None = None, limit: int = 100, order: Order = "asc"
    ) -> Page[ConversationItem]:
        """The messages of its finished turns, in their order unless said otherwise."""
        params = _page(after, limit, order)
        return await self._wire.ask(Page[ConversationItem], "GET", _path(conversation_id, "items"), params=params)

    async def update(
        self, conversation_id: str, *, title: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Conversation:
        """Give it another title, or other metadata in place of all it had."""
        body = saying.body_of({"title": title, "metadata": metadata})
        return await self._wire.ask(Conversation, "POST", _path(conversation_id), body=body)

    async def delete(self, conversation_id: str) -> None:
        """Forget it and its history."""
        await self._wire.ask(dict[str, Any], "DELETE", _path(conversation_id))


class AsyncReports:
    """What happened to the key's tenant, from the analytics store."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def list(self) -> tuple[ReportName, ...]:
        """The reports there are."""
        return (await self._wire.ask(Page[ReportName], "GET", "v1/reports")).data

    async def get(self, /, name: str, **parameters: str | float) -> Report:
        """One of them, of the range that `since_s`, `until_s` (unix seconds) and `bucket_s` say."""
        params = {key: str(value) for key, value in parameters.items()}
        return await self._wire.ask(Report, "GET", f"v1/reports/{quote(name, safe='')}", params=params)


def _path(conversation_id: str, *rest: str) -> str:
    return "/".join(("v1/conversations", quote(conversation_id, safe=""), *rest))


def _page(after: str | None, limit: int, order: Order) -> dict[str, str]:
    return {"limit": str(limit), "order": order, **({} if after is None else {"after": after})}
