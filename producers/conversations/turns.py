"""What a turn leaves in its conversation. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from infra.ids import derived_id
from producers.events import (
    AnswerCancelled,
    AnswerCompleted,
    CacheResult,
    FinishReason,
    Message,
    Terminal,
    ToolCall,
    Truncated,
    Usage,
)

ADDED = "added:"
"""Put before the place in the log of what was added, and its name, it stands where the job's id of a turn does."""
_KINDS = {"tool": "fco"}


class Said(Message, frozen=True, omit_defaults=True):
    """A message as its conversation keeps it; an answer tells how it came about."""

    finish_reason: FinishReason | Literal["cancelled"] | None = None
    cache: CacheResult | None = None
    usage: Usage | None = None
    truncated: Truncated | None = None


@dataclass(frozen=True)
class Item:
    """What clients see of a conversation as one thing: a message, the call of a tool, or its result."""

    id: str
    job_id: str | None
    message: Said
    call: ToolCall | None = None

    @property
    def call_id(self) -> str | None:
        """The call that it is, or answers."""
        return self.call.id if self.call else self.message.tool_call_id


@dataclass(frozen=True)
class Turn:
    """A published turn: its job, and the messages it left; or what was added between two turns, which has no job.

    `gone` are the ids of the conversation's items that were deleted.
    """

    job_id: str
    messages: tuple[Said, ...]
    conversation: str = ""
    gone: frozenset[bytes] = frozenset()

    def items(self) -> Iterator[Item]:
        """What is left of it; an item's id follows from its turn and its place there."""
        job_id = None if self.job_id.startswith(ADDED) else self.job_id
        for at, each in enumerate(self.messages):
            if not each.tool_calls or each.content:
                yield from self._left(Item(self._id(_KINDS.get(each.role, "msg"), at), job_id, each))
            for number, call in enumerate(each.tool_calls):
                yield from self._left(Item(self._id("fc", at, number), job_id, each, call))

    def left(self) -> Iterator[Said]:
        """Its messages without what was deleted of them."""
        if not self.gone:
            yield from self.messages
            return
        left = {each.id for each in self.items()}
        for at, each in enumerate(self.messages):
            calls = tuple(call for number, call in enumerate(each.tool_calls) if self._id("fc", at, number) in left)
            is_said = self._id(_KINDS.get(each.role, "msg"), at) in left
            if calls or is_said:
                content = each.content if is_said else ""
                yield msgspec.structs.replace(each, content=content, tool_calls=calls)

    def _left(self, item: Item) -> Iterable[Item]:
        return () if item.id.encode() in self.gone else (item,)

    def _id(self, kind: str, *place: int) -> str:
        return derived_id(kind, "/".join((self.conversation, self._named, *map(str, place))))

    @property
    def _named(self) -> str:
        """What its items are named after: an addition's own name, where it has one, as the log may hold it twice."""
        name = self.job_id.partition(":")[2].partition(":")[2]
        return f"{ADDED}{name}" if name and self.job_id.startswith(ADDED) else self.job_id


def added_at(offset: int, name: str) -> str:
    """What stands for an addition where the job's id of a turn does."""
    return f"{ADDED}{offset:016}:{name}" if name else f"{ADDED}{offset:016}"


def turn_of(ending: Terminal) -> tuple[Said, ...]:
    """What the turn leaves in its conversation: nothing of a failed one, of a cancelled one what was shown, if any."""
    match ending:
        case AnswerCancelled(text=""):
            return ()
        case AnswerCompleted(finish_reason=reason):
            answer = _answer(ending, reason, ending.drawn[0].tool_calls)
        case AnswerCancelled():
            answer = _answer(ending, "cancelled")
        case _:
            return ()
    return (*said(ending.prompt.messages), answer)


def said(messages: Iterable[Message]) -> tuple[Said, ...]:
    """Messages as their conversation keeps them."""
    return tuple(Said(each.role, each.content, each.name, each.tool_calls, each.tool_call_id) for each in messages)


def _answer(
    ending: AnswerCompleted | AnswerCancelled,
    reason: FinishReason | Literal["cancelled"],
    calls: tuple[ToolCall, ...] = (),
) -> Said:
    return Said(
        "assistant", ending.text, tool_calls=calls, finish_reason=reason, cache=ending.cache, usage=ending.usage,
        truncated=ending.truncated,
    )  # fmt: skip
