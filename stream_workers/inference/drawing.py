"""One choice as its tokens come: what may be shown of it, and when it is over. Pure."""

from collections import deque
from typing import Literal

from producers.events import Choice, TokenLogprob
from producers.jobs.live import Piece
from stream_workers.inference.seen import NOTHING, Seen
from stream_workers.inference.stops import StopCutter
from stream_workers.inference.tgi import Token


class Drawing:
    """Takes tokens up to the budget or a stop string; gives the pieces that readers may see.

    Before its end they see whole tokens only: where a token's text could begin a stop string, or only half a character
    has come, the next attempt would go on in the middle of a word. It begins with what they have `seen` already, which
    counts against the budget.
    """

    def __init__(
        self, number: int, cutter: StopCutter, budget_tokens: int, *, with_logprobs: bool, seen: Seen = NOTHING
    ) -> None:
        self.number = number
        self._cutter = cutter
        self._budget_tokens = budget_tokens
        self._with_logprobs = with_logprobs
        self._parts: list[Piece] = list(seen.pieces)
        self._free = ""
        """What the cutter lets through of the tokens that are held."""
        self._held: deque[Token] = deque()
        self.tokens = self.shown_tokens = seen.tokens

    @property
    def over(self) -> bool:
        """Whether nothing that follows counts any more."""
        return self._cutter.stopped or self.tokens == self._budget_tokens

    def take(self, token: Token) -> Piece | None:
        """The next token; what readers may see now."""
        self.tokens += 1
        self._held.append(token)
        self._free += self._cutter.feed(token.text)
        return self._release(len(self._held)) if self._cutter.stopped else self._release(self._whole())

    def rest(self) -> Piece | None:
        """What was held back and became no stop string after all."""
        self._free += self._cutter.rest()
        return self._release(len(self._held))

    def end(self, reason: Literal["stop", "length"]) -> Choice:
        """The whole choice, which the model server ended for that reason."""
        return Choice(
            "".join(each.text for each in self._parts),
            "stop" if self._cutter.stopped else reason,
            logprobs=tuple(one for each in self._parts for one in each.logprobs),
        )

    def _whole(self) -> int:
        """How many of the held tokens are let through whole, up to the last one with text."""
        whole = length = 0
        for number, token in enumerate(self._held, 1):
            length += len(token.text)
            if length > len(self._free):
                break
            whole = number if token.text else whole
        return whole

    def _release(self, count: int) -> Piece | None:
        """The text of so many tokens, as far as it is let through, with their log-probabilities."""
        text, logprobs = "", []
        for _ in range(count):
            token = self._held.popleft()
            part, self._free = self._free[: len(token.text)], self._free[len(token.text) :]
            text += part
            if self._with_logprobs and not token.special and (part or self._free):
                logprobs.append(TokenLogprob(token.text, token.logprob, token.top))
        self.shown_tokens += count
        if not text and not logprobs:
            return None
        piece = Piece(text, self.number, logprobs=tuple(logprobs))
        self._parts.append(piece)
        return piece
