"""For how long Redis has been in sight: while it is away nobody can renew what lapses in it meanwhile. Pure."""

LATE_MS = 3_000.0
"""A longer pause between two looks is one in which others may have been kept from renewing, too."""


class Sight:
    """How long one has looked at Redis again and again, by its own clock: as its leases lapse by that."""

    def __init__(self) -> None:
        self._since_ms: float | None = None
        self._last_ms = 0.0

    def begin(self, now_ms: float) -> None:
        """Redis answers at the beginning of a round."""
        if self._since_ms is None or not 0 <= now_ms - self._last_ms <= LATE_MS:
            self._since_ms = now_ms
        self._last_ms = now_ms

    def end(self, now_ms: float) -> None:
        """It answers still at the end: however long the round took, no time went by without a look."""
        self._last_ms = now_ms

    def lose(self) -> None:
        """It did not answer."""
        self._since_ms = None

    @property
    def lasts_ms(self) -> float:
        """From the first look after the last pause to the newest."""
        return 0.0 if self._since_ms is None else self._last_ms - self._since_ms
