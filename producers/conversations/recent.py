"""What is read of a conversation before its next turn: instructions and the newest turns. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from producers.conversations.shown import bytes_of
from producers.conversations.turns import Turn
from producers.events import Message


@dataclass(frozen=True)
class History:
    """The messages before a prompt; of a long conversation only instructions and the newest turns, whole."""

    messages: tuple[Message, ...] = ()
    left_out: int = 0
    """How many turns there were before these."""
    instructions_are_cut: bool = False
    last_is_cut: bool = False
    """The last turn alone is too long to be held: here is only how it begins."""
    last_role: str = ""
    """Who spoke last."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return not (self.left_out or self.instructions_are_cut or self.last_is_cut)

    def ahead_of(self, own: Sequence[Message]) -> "History | None":
        """What may be shown before a prompt's own messages; None where something that must be is not here."""
        first = next((each.role for each in own if each.role != "system"), "")
        is_own_turn = first == "user" and self.last_role != "user"
        if self.instructions_are_cut or (self.last_is_cut and not is_own_turn):
            return None
        if not self.last_is_cut:
            return self
        return History(tuple(each for each in self.messages if each.role == "system"), self.left_out + 1)


class Recent:
    """Takes the turns of a conversation, the newest last, and keeps so many bytes of them, and one message, at most.

    Instructions are counted apart.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._last = Turn("", ())
        self._instructions: list[Message] = []
        self._turns: deque[list[Message]] = deque()
        self._left_out = self._bytes = self._instructions_bytes = 0
        self._last_role = ""

    def begin_behind(self, turns: int, instructions: Iterable[Turn]) -> None:
        """So many turns stand before those that are read; only their instructions were."""
        self._left_out = turns
        for each in instructions:
            self._take(each)

    def read(self, turn: Turn) -> None:
        """Take the next turn; it counts only once another follows, or none replaces it."""
        self._take(self._last)
        self._last = turn

    def history(self, replaces: str | None = None) -> History | None:
        """What is left of all that was read, without the last turn if that is the one to be replaced.

        None where the turn to be replaced is not the last: of two prompts that replace one turn the first in the log
        does so, and the second would have to take away what its client never saw.
        """
        if replaces is None:
            self._take(self._last)
        elif self._last.job_id != replaces:
            return None
        self._last = Turn("", ())
        messages = (*self._instructions, *(each for turn in self._turns for each in turn))
        is_cut = self._instructions_bytes > self._most_bytes
        return History(messages, self._left_out, is_cut, self._bytes > self._most_bytes, self._last_role)

    def _take(self, turn: Turn) -> None:
        for each in turn.left():
            message = Message(each.role, each.content, each.name, each.tool_calls, each.tool_call_id)
            if each.role == "system":
                self._instruct(message)
            else:
                self._say(message)

    def _instruct(self, message: Message) -> None:
        self._instructions_bytes += bytes_of(message)
        if self._instructions_bytes <= self._most_bytes:
            (self._turns[-1] if self._turns else self._instructions).append(message)

    def _say(self, message: Message) -> None:
        begins = not self._turns or (message.role == "user" and self._last_role != "user")
        self._last_role = message.role
        if begins:
            self._turns.append([])
        elif self._bytes > self._most_bytes:
            return
        self._turns[-1].append(message)
        self._bytes += bytes_of(message)
        while self._bytes > self._most_bytes and len(self._turns) > 1:
            self._leave_out(self._turns.popleft())

    def _leave_out(self, turn: list[Message]) -> None:
        self._left_out += 1
        self._instructions += [each for each in turn if each.role == "system"]
        self._bytes -= sum(bytes_of(each) for each in turn if each.role != "system")


def spoken_bytes(turn: Turn) -> int:
    """How much was said in a turn, its instructions apart."""
    return sum(bytes_of(each) for each in turn.left() if each.role != "system")


def instructions_of(turn: Turn) -> Turn:
    """A turn with its instructions alone."""
    return replace(turn, messages=tuple(each for each in turn.left() if each.role == "system"), gone=frozenset())
