"""What the turns of a load come to: latencies, rates within a bound, and who was busy meanwhile. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.load import Loaded

FULL = 0.8
"""A core that is busier than this may be what holds a figure back."""


@dataclass
class Turn:
    """One load of so many callers; processor seconds of who was called, of the load itself, and of all other cores."""

    loaded: Loaded
    own_s: float = 0.0
    load_s: float = 0.0
    beside_s: float = 0.0
    beside_cores: int = 1

    def share(self, busy_s: float) -> float:
        """Of one core."""
        return busy_s / self.loaded.seconds if self.loaded.seconds else 0.0


def merged(turns: Iterable[Turn]) -> Turn:
    """Several turns as one."""
    found = Turn(Loaded())
    for each in turns:
        part = each.loaded
        found.loaded.seconds += part.seconds
        found.loaded.whole_s += part.whole_s
        found.loaded.first_s += part.first_s
        found.loaded.refused += part.refused
        found.own_s, found.load_s = found.own_s + each.own_s, found.load_s + each.load_s
        found.beside_s, found.beside_cores = found.beside_s + each.beside_s, each.beside_cores
    return found


@dataclass
class Found:
    """What was measured of one way to call somebody, by callers at once."""

    turns: dict[int, list[Turn]] = field(default_factory=dict)

    def add(self, callers: int, turn: Turn) -> None:
        """One more turn."""
        self.turns.setdefault(callers, []).append(turn)

    @property
    def alone(self) -> Turn:
        """One call at a time, or as few as there were."""
        return merged(self.turns[min(self.turns)])

    @property
    def fastest(self) -> Turn:
        """The callers with the highest rate."""
        return max((merged(each) for each in self.turns.values()), key=lambda turn: turn.loaded.rate)

    @property
    def refused(self) -> int:
        """Calls that were not answered 2xx."""
        return sum(turn.loaded.refused for each in self.turns.values() for turn in each)

    def frontier(self, p99_ms: float) -> float:
        """The highest rate at which 99 of 100 answers came within so many ms; 0 where none did."""
        found = (merged(each).loaded for each in self.turns.values())
        return max((each.rate for each in found if each.whole_s and each.whole_ms(0.99) <= p99_ms), default=0.0)

    @property
    def a_core_s_worth(self) -> float:
        """Calls for each second of processor that whoever was called used at its fastest."""
        fastest = self.fastest
        return len(fastest.loaded.whole_s) / fastest.own_s if fastest.own_s else float("nan")

    @property
    def held_back_by(self) -> str:
        """What was full at its fastest while its own core was not; empty where nothing was."""
        fastest = self.fastest
        if fastest.share(fastest.own_s) > FULL:
            return ""
        if fastest.share(fastest.load_s) > FULL:
            return "the load"
        return "what runs beside it" if fastest.share(fastest.beside_s) > FULL * fastest.beside_cores else ""
