"""Cutting an answer at its stop strings: pure.

TGI leaves the text that stopped it in the output, so we cut it; and since a reader must never see the beginning of
what turns out to be a stop string, a tail that could still become one is held back.
"""

from collections.abc import Sequence


class StopCutter:
    """Takes text piece by piece and gives what may be shown."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(each for each in stops if each)
        self._held = ""
        self.stopped = False

    def feed(self, piece: str) -> str:
        """The text that may be shown now; nothing any more once `stopped`."""
        if self.stopped:
            return ""
        if not self._stops:
            return piece
        text = self._held + piece
        found = [at for each in self._stops if (at := text.find(each)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = self._could_begin(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back and became no stop string after all: for the end of the answer."""
        rest, self._held = self._held, ""
        return rest

    def _could_begin(self, text: str) -> int:
        """Length of the longest tail of `text` that a stop string begins with."""
        longest = min(len(text), max(len(each) for each in self._stops) - 1)
        for length in range(longest, 0, -1):
            tail = text[len(text) - length :]
            if any(each.startswith(tail) for each in self._stops):
                return length
        return 0
