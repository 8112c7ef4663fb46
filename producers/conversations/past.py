"""What was said in a conversation, read from Redis some at a time: from one end, or the newest turns alone."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from producers.conversations.recent import History, Recent, instructions_of, spoken_bytes
from producers.conversations.shown import bytes_of
from producers.conversations.turns import ADDED, Said, Turn
from producers.state.scripts import Scripts, asked

AT_ONCE = 500
"""How many turns are read in one go, at most."""
AT_ONCE_BYTES = 1_500_000
"""How much text is, but for a turn that has more alone."""


@dataclass(frozen=True)
class Beyond:
    """From where on a conversation is read: what stands at this place under this name, or at one end."""

    place: float | None = None
    name: str = ""
    newest_first: bool = False
    only_instructions: bool = False


@dataclass(frozen=True)
class Entry:
    """A turn, or what was added, where it stands; how long its text is."""

    name: str
    place: float
    size_bytes: int


class Past:
    """The published turns of one conversation, and what was added between them."""

    def __init__(
        self, scripts: Scripts, conversation: str, at_once: int = AT_ONCE, at_once_bytes: int = AT_ONCE_BYTES
    ) -> None:
        self._scripts = scripts
        self._at_once = at_once
        self._at_once_bytes = at_once_bytes
        self._conversation = conversation
        self._home = f"{scripts.prefix}conversation:{conversation}"

    async def told(self, *, newest_first: bool) -> AsyncIterator[tuple[Turn, ...]]:
        """All of them in the log's order, or the other way round."""
        async for _, turns in self._told(Beyond(newest_first=newest_first)):
            yield turns

    async def history(self, before: int | None, replaces: str | None, most_bytes: int) -> History | None:
        """What stands `before` a place, as `Conversations` has it.

        It is read from the newest turn back until there are `most_bytes`, and of all before that what instructs.
        """
        newest, read_bytes, recent = list[Turn](), 0, Recent(most_bytes)
        async for entries, turns in self._told(Beyond(before, newest_first=True)):
            newest += turns
            read_bytes += sum(spoken_bytes(each) for each in turns if each is not newest[0] or each.job_id != replaces)
            if read_bytes > most_bytes:
                await self._begin_behind(entries[-1], recent, most_bytes)
                break
        for turn in reversed(newest):
            recent.read(turn)
        return recent.history(replaces)

    async def unanswered(self, calls: Iterable[str]) -> frozenset[str]:
        """Which of these calls were made and have no result, as far back as a model may be shown."""
        sought, found, read_bytes = set[str | None](calls), set[str | None](), 0
        async for entries, turns in self._told(Beyond(newest_first=True)):
            for message in (each for turn in turns for each in reversed(tuple(turn.left()))):
                sought.discard(message.tool_call_id)
                found |= sought & {call.id for call in message.tool_calls}
                sought -= found
            read_bytes += sum(each.size_bytes for each in entries)
            if not sought or read_bytes > AT_ONCE_BYTES:
                break
        return frozenset(each for each in found if each)

    async def _begin_behind(self, last: Entry, recent: Recent, most_bytes: int) -> None:
        """Read the instructions that stand before all that was read, until they are more than can be shown."""
        left_out, read_bytes, found = await self._standing_before(last), 0, list[Turn]()
        beyond = Beyond(last.place, last.name, newest_first=True, only_instructions=True)
        async for _, turns in self._told(beyond):
            for turn in turns:
                found.append(instructions_of(turn))
                left_out -= spoken_bytes(turn) == 0
                read_bytes += sum(bytes_of(each) for each in found[-1].messages)
            if read_bytes > most_bytes:
                break
        recent.begin_behind(left_out, reversed(found))

    async def _standing_before(self, entry: Entry) -> int:
        """How many turns and additions stand before this one."""
        pipeline: Any = self._scripts.redis.pipeline(transaction=False)
        its_kind, others = ("added", "turns") if entry.name.startswith(ADDED) else ("turns", "added")
        pipeline.zrank(f"{self._home}:{its_kind}", entry.name)
        pipeline.zcount(f"{self._home}:{others}", "-inf", f"({entry.place}")
        return sum(int(each or 0) for each in await asked(pipeline.execute()))

    async def _told(self, beyond: Beyond) -> AsyncIterator[tuple[Sequence[Entry], tuple[Turn, ...]]]:
        """As many at a time as may be held: where they stand, and what they are."""
        while True:
            told = await self._scripts.run(
                "turns_beyond", self._conversation, int(beyond.newest_first), self._at_once,
                int(beyond.only_instructions), "" if beyond.place is None else beyond.place, beyond.name,
            )  # fmt: skip
            found = zip(told[::3], told[1::3], told[2::3], strict=True)
            entries = [Entry(name.decode(), float(place), size_bytes) for name, place, size_bytes in found]
            for some in _portions([each for each in entries if each.size_bytes], self._at_once_bytes):
                yield some, await self._turns([each.name for each in some])
            if len(entries) < self._at_once:
                return
            beyond = replace(beyond, place=entries[-1].place, name=entries[-1].name)

    async def _turns(self, names: Sequence[str]) -> tuple[Turn, ...]:
        pipeline: Any = self._scripts.redis.pipeline(transaction=False)
        pipeline.hmget(f"{self._home}:texts", names)
        pipeline.exists(f"{self._home}:gone")
        texts, is_any_gone = await asked(pipeline.execute())
        turns = tuple(
            Turn(name, msgspec.json.decode(text, type=tuple[Said, ...]), self._conversation)
            for name, text in zip(names, texts, strict=True)
            if text
        )
        items = [item.id for turn in turns for item in turn.items()] if is_any_gone else []
        if not items:
            return turns
        found = await asked(self._scripts.redis.smismember(f"{self._home}:gone", items))
        gone = frozenset(item.encode() for item, is_gone in zip(items, found, strict=True) if is_gone)
        return tuple(replace(turn, gone=gone) for turn in turns)


def _portions(entries: Sequence[Entry], most_bytes: int) -> Iterator[list[Entry]]:
    """The entries in their order, so many at a time as may be held."""
    portion, held_bytes = list[Entry](), 0
    for each in entries:
        if portion and held_bytes + each.size_bytes > most_bytes:
            yield portion
            portion, held_bytes = [], 0
        portion.append(each)
        held_bytes += each.size_bytes
    if portion:
        yield portion
