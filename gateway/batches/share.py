"""How long one batch holds a gateway's loop before others have their turn. Pure: it is told the time."""

from collections.abc import Callable
from typing import Final

MOST_S: Final = 0.01
"""What one line costs has a bound of its own (`producers.prompts.weighing`), so this is not passed by much."""


class Share:
    """A share of the loop, counted from its beginning, however many lines go into it."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.begin()

    def begin(self) -> None:
        """The next one begins: others have had their turn."""
        self._begun_s = self._now_s()

    @property
    def is_used_up(self) -> bool:
        """Whether it is time to let others in."""
        return self._now_s() - self._begun_s >= MOST_S
