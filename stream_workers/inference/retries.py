"""What is tried again after trouble with a model server, how often and when: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from producers.jobs.lease import Tried
from stream_workers.inference.trouble import Kind

JITTER = 0.25
"""By this part of itself a wait is shorter or longer, so that those who failed together do not come back together."""


@dataclass(frozen=True)
class Rule:
    """`counted`: it costs a try. `spaced`: the next one waits as the schedule says, or else for a server."""

    counted: bool
    spaced: bool


RULES: Mapping[Kind, Rule] = {
    "busy": Rule(counted=True, spaced=True),
    "failed": Rule(counted=True, spaced=True),
    "cut": Rule(counted=True, spaced=True),
    "garbled": Rule(counted=True, spaced=True),
    "away": Rule(counted=True, spaced=False),
    "gone": Rule(counted=False, spaced=False),
}
"""Trouble that may pass. What is not here, `refused` and `denied`, would be the same the next time: it ends the job."""


@dataclass(frozen=True)
class Retry:
    """The job is tried again, not before so many seconds; `tried` is None where that costs nothing."""

    after_s: float = 0.0
    tried: Tried | None = None


def after(kind: Kind, error: str, tried: Tried, delays_s: Sequence[float], chance: float) -> Retry | None:
    """What follows on trouble; None where nothing does. `chance` is drawn evenly from -1 to 1 and spreads the waits."""
    rule = RULES.get(kind)
    if rule is None or (rule.counted and tried.times >= len(delays_s)):
        return None
    if not rule.counted:
        return Retry()
    wait_s = delays_s[tried.times] * (1 + JITTER * chance) if rule.spaced else 0.0
    return Retry(wait_s, tried.once_more(error))
