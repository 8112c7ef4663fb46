"""The only reader of the wall clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time; handed to whoever needs it."""

    def now_ms(self) -> float:
        """Milliseconds since the epoch, with the fraction."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> float:
        """Milliseconds since the epoch, with the fraction."""
        return time.time_ns() / 1e6


class ManualClock:
    """A clock that stands still until it is moved: for tests."""

    def __init__(self, now_ms: float = 1_800_000_000_000.0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> float:
        """Milliseconds since the epoch, with the fraction."""
        return self._now_ms

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds."""
        self._now_ms += seconds * 1000.0
