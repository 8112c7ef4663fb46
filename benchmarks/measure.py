"""Side-by-side measurement: arms in interleaved rounds of random order, one of them twice (the A/A control).

The machine is shared and noisy, so no figure stands alone: each is a ratio or a difference to the baseline measured in
the same run, and the control says how much two measurements of the same thing differ.
"""

import random
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rich.progress import Progress

Arm = Callable[[], Awaitable[list[float]]]
"""One round of one arm; gives its samples."""


@dataclass(frozen=True)
class Samples:
    """All samples of one arm, pooled over the rounds, and the median of each round."""

    name: str
    pooled: list[float]
    rounds: list[float]

    def percentile(self, share: float) -> float:
        """The value below which that share of the pooled samples lies."""
        ordered = sorted(self.pooled)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def p50(self) -> float:
        """The median of all samples."""
        return statistics.median(self.pooled)


async def interleave(arms: dict[str, Arm], rounds: int, seed: int = 7) -> dict[str, Samples]:
    """Run every arm once a round, in an order drawn anew each round; the first round warms up and is not counted."""
    order = list(arms)
    dice = random.Random(seed)
    found: dict[str, list[list[float]]] = {name: [] for name in arms}
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=(rounds + 1) * len(arms))
        for number in range(rounds + 1):
            dice.shuffle(order)
            for name in order:
                samples = await arms[name]()
                if number:
                    found[name].append(samples)
                progress.advance(task)
    return {
        name: Samples(name, [each for part in parts for each in part], [statistics.median(part) for part in parts])
        for name, parts in found.items()
    }


def ratio_of_rounds(over: Samples, under: Samples) -> tuple[float, float, float]:
    """Minimum, median and maximum of the ratio, round by round."""
    ratios = sorted(a / b for a, b in zip(over.rounds, under.rounds, strict=True))
    return ratios[0], statistics.median(ratios), ratios[-1]


def spread(values: Sequence[float]) -> str:
    """`median (minimum-maximum)` for a table."""
    return f"{values[1]:.3f} ({values[0]:.3f}-{values[2]:.3f})"
