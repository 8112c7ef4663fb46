"""What a client was sent of an answer, against what the job's stream says. Pure."""

from infra.errors import NeverTryAgain
from producers.events import AnswerCompleted, TokenLogprob, ToolCall
from producers.jobs.live import Entry, Piece, pieces_of


class Sent:
    """What the client was sent, against what the job's stream says.

    An attempt that starts over says so (`snapshot`). While it repeats what was shown, nothing is sent; if it
    differs, the stream cannot be continued honestly.
    """

    def __init__(self) -> None:
        self._choices: dict[int, _SentChoice] = {}

    @property
    def anything(self) -> bool:
        """Whether the client has anything of the answer."""
        return bool(self._choices)

    def take(self, entry: Entry) -> Piece | None:
        """What to send now; None for nothing.

        Raises:
            Diverged: it contradicts what was sent.
        """
        if entry.kind == "snapshot":
            self._begin_anew()
        return None if entry.piece is None else self._new(entry.piece)

    def rest(self, answer: AnswerCompleted) -> list[Piece]:
        """What is still to send of the whole answer.

        Raises:
            Diverged: it contradicts what was sent.
        """
        self._begin_anew()
        rest = [fresh for piece in pieces_of(answer) if (fresh := self._new(piece)) is not None]
        if any(each.has_more_than_told for each in self._choices.values()):
            raise Diverged
        return rest

    def _begin_anew(self) -> None:
        for each in self._choices.values():
            each.begin_anew()

    def _new(self, piece: Piece) -> Piece | None:
        return self._choices.setdefault(piece.choice, _SentChoice()).take(piece)


class Diverged(NeverTryAgain):
    """An answer that was started over came out differently."""


class _SentChoice:
    """The same of one choice."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: tuple[ToolCall, ...] = ()
        self._repeating = ""
        """What was shown before the newest attempt and not yet repeated by it."""
        self._repeating_calls: tuple[ToolCall, ...] = ()

    @property
    def has_more_than_told(self) -> bool:
        return bool(self._repeating or self._repeating_calls)

    def begin_anew(self) -> None:
        self._repeating, self._repeating_calls = "".join(self._texts), self._calls

    def take(self, piece: Piece) -> Piece | None:
        common = min(len(piece.text), len(self._repeating))
        if piece.text[:common] != self._repeating[:common]:
            raise Diverged
        text, self._repeating = piece.text[common:], self._repeating[common:]
        calls = self._new_calls(piece.tool_calls)
        if text:
            self._texts.append(text)
        fresh = Piece(text, piece.choice, calls, _behind(piece.logprobs, common))
        return fresh if text or calls else None

    def _new_calls(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        if calls and self._repeating_calls:
            if calls != self._repeating_calls:
                raise Diverged
            self._repeating_calls = ()
            return ()
        self._calls += calls
        return calls


def _behind(logprobs: tuple[TokenLogprob, ...], characters: int) -> tuple[TokenLogprob, ...]:
    """Those of the tokens that begin behind so many characters of their text."""
    begins, kept = 0, []
    for each in logprobs:
        if begins >= characters:
            kept.append(each)
        begins += len(each.text)
    return tuple(kept)
