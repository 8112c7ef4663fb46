"""How often readers are shown what is new: the first at once, then every so often. Pure."""


class Pace:
    """Times are seconds of any steady clock."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """How long the next showing has to wait."""
        return 0.0 if self._last_s is None else max(0.0, self._last_s + self._every_s - now_s)

    def shown(self, now_s: float) -> None:
        """Readers are shown something now."""
        self._last_s = now_s
