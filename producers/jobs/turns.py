"""What a turn leaves in its conversation, and what the model is shown of the turns before. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from producers.events import AnswerCancelled, AnswerCompleted, CacheResult, Message, Terminal, Usage


class Said(Message, frozen=True, omit_defaults=True):
    """A message as its conversation keeps it; an answer tells how it came about."""

    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "cancelled"] | None = None
    cache: CacheResult | None = None
    usage: Usage | None = None


@dataclass(frozen=True)
class Turn:
    """A published turn: its job, and the messages it left."""

    job_id: str
    messages: tuple[Said, ...]


def turn_of(ending: Terminal) -> tuple[Said, ...]:
    """What the turn leaves in its conversation: nothing of a failed one, of a cancelled one what was shown, if any."""
    match ending:
        case AnswerCancelled(text=""):
            return ()
        case AnswerCompleted(finish_reason=reason):
            answer = Said("assistant", ending.text, reason, ending.cache, ending.usage)
        case AnswerCancelled():
            answer = Said("assistant", ending.text, "cancelled", ending.cache, ending.usage)
        case _:
            return ()
    return (*(Said(each.role, each.content) for each in ending.prompt.messages), answer)


def history_of(turns: Sequence[Turn], replaces: str | None = None) -> tuple[Message, ...] | None:
    """The messages of the turns before a prompt, without the one it `replaces`.

    None where that one is not the last of them: of two prompts that replace one turn the first in the log does so, and
    the second would have to take away what its client never saw.
    """
    if replaces is not None and (not turns or turns[-1].job_id != replaces):
        return None
    before = turns if replaces is None else turns[:-1]
    return tuple(Message(each.role, each.content) for turn in before for each in turn.messages)
