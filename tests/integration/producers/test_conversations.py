"""A tenant's conversations in Redis: listed page by page, and off the list when they are gone."""

import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra import redis
from infra.settings import RedisSettings
from producers.conversations.store import Conversations, Page
from producers.events import ConversationCreated, ConversationDeleted, ItemsAdded, Message
from producers.state.retention import Retention
from producers.state.scripts import Scripts


@pytest.fixture
async def scripts(redis_settings: RedisSettings) -> AsyncIterator[Scripts]:
    client = redis.client(redis_settings)
    yield Scripts(client, redis_settings)
    await client.aclose()


@pytest.fixture
def conversations(scripts: Scripts) -> Conversations:
    return Conversations(scripts, Retention())


async def opened(conversations: Conversations, ids: list[str], at_ms: float = 1.0) -> None:
    for id in ids:
        await conversations.open(ConversationCreated(conversation=id, tenant="acme", at_ms=at_ms))


async def listed(scripts: Scripts) -> list[Any]:
    """What the list itself holds."""
    return list(await scripts.redis.zrange(f"{scripts.prefix}conversations:acme", 0, -1))


async def expired(scripts: Scripts, ids: list[str]) -> None:
    await scripts.redis.delete(*(f"{scripts.prefix}conversation:{id}" for id in ids))


def ids_of(page: Page | None) -> list[str]:
    assert page is not None
    return [each.id for each in page.conversations]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_hold_each_conversation_once_in_the_order_of_time_and_id(
    conversations: Conversations, *, newest_first: bool
) -> None:
    await opened(conversations, ["c", "a", "b"], at_ms=1.0)
    await opened(conversations, ["0"], at_ms=2.0)
    seen: list[str] = []
    has_more = True
    while has_more:
        page = await conversations.of_tenant("acme", 2, seen[-1] if seen else None, newest_first=newest_first)
        assert page is not None
        seen += ids_of(page)
        has_more = page.has_more

    order = ["a", "b", "c", "0"]
    assert seen == (order[::-1] if newest_first else order)


async def test_a_page_goes_on_after_a_conversation_that_was_deleted_meanwhile(conversations: Conversations) -> None:
    await opened(conversations, ["a", "b", "c", "d"])
    await conversations.forget(ConversationDeleted(conversation="c", tenant="acme"))

    assert ids_of(await conversations.of_tenant("acme", 9, "c")) == ["b", "a"]
    assert ids_of(await conversations.of_tenant("acme", 9, "c", newest_first=False)) == ["d"]
    assert ids_of(await conversations.of_tenant("acme", 9)) == ["d", "b", "a"]


async def test_a_page_after_what_is_unknown_or_anothers_is_none(conversations: Conversations) -> None:
    await conversations.open(ConversationCreated(conversation="x", tenant="other", at_ms=1.0))

    assert await conversations.of_tenant("acme", 9, "x") is None
    assert await conversations.of_tenant("acme", 9, "nothing") is None
    assert ids_of(await conversations.of_tenant("other", 9)) == ["x"]


async def test_what_has_expired_is_off_the_list_once_somebody_reads_it(
    conversations: Conversations, scripts: Scripts
) -> None:
    """More than one script takes off: who lists does not notice."""
    gone = [f"gone-{n:04}" for n in range(2500)]
    await scripts.redis.zadd(f"{scripts.prefix}conversations:acme", dict.fromkeys(gone, 2.0))
    await opened(conversations, ["a", "b"])
    page = await conversations.of_tenant("acme", 1)

    assert page is not None
    assert (ids_of(page), page.has_more) == (["b"], True)
    assert await listed(scripts) == [b"a", b"b"]


async def test_a_list_that_nobody_reads_does_not_grow_with_what_has_expired(
    conversations: Conversations, scripts: Scripts
) -> None:
    for at in range(30):
        ids = [f"{at}-{n}" for n in range(5)]
        await opened(conversations, ids)
        await expired(scripts, ids)
        assert len(await listed(scripts)) <= 30


async def test_a_list_ends_with_its_last_conversation(conversations: Conversations, scripts: Scripts) -> None:
    await opened(conversations, ["a"])
    home, everything = [
        await scripts.redis.pexpiretime(f"{scripts.prefix}{key}") for key in ("conversation:a", "conversations:acme")
    ]

    assert 0 < home <= everything


async def test_of_a_conversation_of_any_size_only_a_part_is_held(conversations: Conversations) -> None:
    """Whoever reads it holds one portion, and a worker before a turn what it may show besides."""
    about: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}
    large, count = "word " * 200_000, 12
    await conversations.open(ConversationCreated(**about, at_ms=1.0))
    for at in range(count):
        turn = (Message("system", f"{at}"), Message("user", large), Message("assistant", "well"))
        await conversations.add(ItemsAdded(**about, messages=turn), at)
    tracemalloc.start()
    try:
        for newest_first in (False, True):
            told = [len(turns) async for turns in conversations.told("conv_1", newest_first=newest_first)]
            assert told == [1] * count
        history = await conversations.history("conv_1")
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert history is not None
    assert history.left_out == count - 1
    assert [each.content for each in history.messages[:count]] == [f"{at}" for at in range(count)]
    assert history.messages[count:] == (Message("user", large), Message("assistant", "well"))
    assert most_bytes < 8 * len(large)
