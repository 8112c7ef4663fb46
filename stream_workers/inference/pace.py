"""How often readers are shown what is new: the first at once, then every so often. Pure."""

UNREAD_S = 0.25
"""The same while nobody reads: whoever comes is shown all there is, and at most so long after it came."""


class Pace:
    """Times are seconds of any steady clock. Where nobody reads yet, the first showing waits for its time as well."""

    def __init__(self, every_s: float, now_s: float, *, is_read: bool = True) -> None:
        self._every_s = every_s
        self._last_s = now_s
        self._has_shown = False
        self.is_read = is_read

    def wait_s(self, now_s: float) -> float:
        """How long the next showing has to wait."""
        if self.is_read and not self._has_shown:
            return 0.0
        patient = self._has_shown and not self.is_read
        every_s = max(self._every_s, UNREAD_S) if patient else self._every_s
        return max(0.0, self._last_s + every_s - now_s)

    def shown(self, now_s: float) -> None:
        """Readers are shown something now."""
        self._last_s, self._has_shown = now_s, True
