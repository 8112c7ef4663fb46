"""When text is shown to readers: the first piece at once, then what has gathered every so often. Pure."""


class TokenFlush:
    """Gathers pieces; times are seconds of any steady clock."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._pieces: list[str] = []
        self._flushed_s: float | None = None

    def add(self, piece: str) -> None:
        """Text that may be shown."""
        if piece:
            self._pieces.append(piece)

    def due(self, now_s: float) -> str:
        """What is to be shown now; empty while it may wait."""
        if not self._pieces or (self._flushed_s is not None and now_s - self._flushed_s < self._every_s):
            return ""
        self._flushed_s = now_s
        return self.rest()

    def wait_s(self, now_s: float) -> float | None:
        """How long what has gathered may still wait; None when there is nothing."""
        if not self._pieces:
            return None
        return 0.0 if self._flushed_s is None else max(0.0, self._flushed_s + self._every_s - now_s)

    def rest(self) -> str:
        """All that has gathered."""
        text = "".join(self._pieces)
        self._pieces.clear()
        return text
