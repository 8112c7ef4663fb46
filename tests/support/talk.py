"""What a conversation holds, for tests: its turns, and the messages that the next prompt is read with."""

from collections.abc import Iterable

from producers.conversations.recent import History, Recent
from producers.conversations.store import Conversations
from producers.conversations.turns import Turn
from producers.events import Message


async def turns_of(conversations: Conversations, id: str) -> tuple[Turn, ...]:
    """All published turns, in the log's order."""
    return tuple([each async for some in conversations.told(id) for each in some])


async def said_in(
    conversations: Conversations, id: str, before: int | None = None, replaces: str | None = None
) -> tuple[Message, ...] | None:
    """All messages of published turns, `before` a place; None where the turn to be replaced is not the last."""
    found = await conversations.history(id, before, replaces)
    assert found is None or found.is_whole
    return None if found is None else found.messages


def read_before(turns: Iterable[Turn], replaces: str | None = None, most_bytes: int = 10_000) -> History | None:
    """What is read of these turns before the next."""
    recent = Recent(most_bytes)
    for each in turns:
        recent.read(each)
    return recent.history(replaces)


def said_before(turns: Iterable[Turn], replaces: str | None = None) -> tuple[Message, ...] | None:
    """The messages of the same."""
    found = read_before(turns, replaces)
    return None if found is None else found.messages
