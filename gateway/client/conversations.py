"""Conversations and reports of one gateway, as one key sees them."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp

from gateway.client.errors import Told
from gateway.client.objects import Conversation, ConversationItem, Order, Page, Report, ReportName
from gateway.client.wire import Wire, no_answer
from infra.errors import Unavailable
from producers.prompts import saying


class AsyncConversations:
    """History kept for you: a job's `conversation` is the id of one, its prompt then only the new message."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def create(
        self,
        title: str | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        items: Sequence[Mapping[str, Any]] | None = None,
    ) -> Conversation:
        """Open one, with `items` in it; a try that is repeated opens no second."""
        body = saying.body_of({"title": title, "metadata": metadata, "items": items})
        return await self._wire.ask(Conversation, "POST", "v1/conversations", body=body, headers=_once())

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
        """The messages of its finished turns and what was added, in their order unless said otherwise."""
        params = _page(after, limit, order)
        return await self._wire.ask(Page[ConversationItem], "GET", _path(conversation_id, "items"), params=params)

    async def add(self, conversation_id: str, items: Sequence[Mapping[str, Any]]) -> Page[ConversationItem]:
        """Put items (`{"role": …, "content": …}`) after its last turn; a try that is repeated adds them once."""
        body = saying.body_of({"items": items})
        path = _path(conversation_id, "items")
        return await self._wire.ask(Page[ConversationItem], "POST", path, body=body, headers=_once())

    async def item(self, conversation_id: str, item_id: str) -> ConversationItem:
        """One of its items."""
        return await self._wire.ask(ConversationItem, "GET", _path(conversation_id, "items", item_id))

    async def delete_item(self, conversation_id: str, item_id: str) -> None:
        """Leave an item out from now on; a call and its result go together."""
        await self._wire.ask(dict[str, Any], "DELETE", _path(conversation_id, "items", item_id))

    async def export(self, conversation_id: str) -> AsyncIterator[bytes]:
        """All of it as lines of JSON: the conversation first, then its items.

        Raises:
            NotFound: there is none.
            Unavailable: the gateway does not answer, or the connection was lost before the end.
        """
        patience = self._wire.patience()
        while True:
            try:
                async with self._wire.stream(_path(conversation_id, "export"), {}) as answer:
                    if not isinstance(answer, Told):
                        async for line in _lines(answer):
                            yield line
                        return
                    told = answer
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Unavailable("gateway", f"the export was cut: it {no_answer(error)}") from None
            await self._wire.judge(told, patience)

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


def _once() -> dict[str, str]:
    return {"Idempotency-Key": f'"{secrets.token_hex(16)}"'}


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in answer.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"


def _path(conversation_id: str, *rest: str) -> str:
    return "/".join(("v1/conversations", quote(conversation_id, safe=""), *(quote(each, safe="") for each in rest)))


def _page(after: str | None, limit: int, order: Order) -> dict[str, str]:
    return {"limit": str(limit), "order": order, **({} if after is None else {"after": after})}
