"""For fault tests: kills the process right after a chosen step of a job's life."""

import os
import signal


class Fuse:
    """`step:n` burns down at the n-th time of that step; empty never does."""

    def __init__(self, die_after: str) -> None:
        step, _, times = die_after.partition(":")
        self._step = step
        self._left = int(times or 0)

    def passed(self, step: str) -> None:
        """A step of a job's life is done."""
        if step == self._step:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
