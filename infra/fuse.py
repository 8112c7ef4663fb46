"""For fault tests: kills the process right after a chosen step."""

import os
import signal
from collections.abc import Collection

from infra.errors import WrongSetting


class Fuse:
    """`step:n` burns down at the n-th time of that step; empty never does."""

    def __init__(self, die_after: str = "") -> None:
        step, _, times = die_after.partition(":")
        self._step = step
        self._left = int(times or 0)

    def passed(self, step: str) -> None:
        """A step is done."""
        if step == self._step:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def refuse_unknown(variable: str, die_after: str, steps: Collection[str]) -> None:
    """Refuse a setting that says neither never, nor after how many times of one of these steps.

    Raises:
        WrongSetting: it does; the variable is named.
    """
    step, _, times = die_after.partition(":")
    if die_after and (step not in steps or not times.isdigit()):
        raise WrongSetting(f"{variable}={die_after!r} is not a step of {steps} and a number")
