"""How much a bucket of a minute's quota can have filled up meanwhile: on a busy machine a test takes its time."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Filling:
    """Counts from the moment at which it is made."""

    a_minute: float
    began_s: float = field(default_factory=time.monotonic)

    @property
    def passed_s(self) -> float:
        """How long that is ago."""
        return time.monotonic() - self.began_s

    @property
    def most(self) -> float:
        """As much as can have come since."""
        return self.passed_s * self.a_minute / 60
