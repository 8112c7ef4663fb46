"""One choice as its tokens come: what may be shown of it, and when it is over. Pure."""

from collections import deque
from typing import Literal

from producers.events import Choice, TokenLogprob
from producers.jobs.live import Piece
from stream_workers.inference.stops import StopCutter
from stream_workers.inference.tgi import Token


class Drawing:
    """Takes tokens up to the budget or a stop string; gives the pieces that readers may see."""

    def __init__(self, number: int, cutter: StopCutter, budget_tokens: int, *, with_logprobs: bool) -> None:
        self._number = number
        self._cutter = cutter
        self._budget_tokens = budget_tokens
        self._with_logprobs = with_logprobs
        self._parts: list[Piece] = []
        self._fed = 0
        self._released = 0
        self._held: deque[tuple[int, TokenLogprob]] = deque()
        """The tokens whose text has not been released yet, each with the place where it begins."""
        self.tokens = 0

    @property
    def over(self) -> bool:
        """Whether nothing that follows counts any more."""
        return self._cutter.stopped or self.tokens == self._budget_tokens

    def take(self, token: Token) -> Piece | None:
        """The next token; what readers may see now."""
        self.tokens += 1
        if self._with_logprobs and not token.special:
            self._held.append((self._fed, TokenLogprob(token.text, token.logprob, token.top)))
        self._fed += len(token.text)
        return self._release(self._cutter.feed(token.text))

    def rest(self) -> Piece | None:
        """What was held back and became no stop string after all."""
        return None if self._cutter.stopped else self._release(self._cutter.rest())

    def end(self, reason: Literal["stop", "length"]) -> Choice:
        """The whole choice, which the model server ended for that reason."""
        return Choice(
            "".join(each.text for each in self._parts),
            "stop" if self._cutter.stopped else reason,
            logprobs=tuple(one for each in self._parts for one in each.logprobs),
        )

    def _release(self, text: str) -> Piece | None:
        self._released += len(text)
        logprobs = []
        while self._held and self._held[0][0] < self._released:
            logprobs.append(self._held.popleft()[1])
        if not text and not logprobs:
            return None
        piece = Piece(text, self._number, logprobs=tuple(logprobs))
        self._parts.append(piece)
        return piece
