"""What readers have seen of an answer when an attempt at it begins, and whether that may go on from there: pure."""

from dataclasses import dataclass

from producers.events import PromptSubmitted
from producers.jobs.live import Piece, text_in


@dataclass(frozen=True)
class Seen:
    """The pieces that the attempts before have shown, and how many tokens of the answer that is."""

    pieces: tuple[Piece, ...] = ()
    tokens: int = 0

    @property
    def text(self) -> str:
        """What the model is to go on from."""
        return text_in(self.pieces)


NOTHING = Seen()


def goes_on(prompt: PromptSubmitted) -> bool:
    """Whether another attempt could go on from a part of the answer: not within a grammar, nor within several choices.

    A call of a tool is no text: it is never shown in part.
    """
    return prompt.format is None and prompt.sampling.n == 1
