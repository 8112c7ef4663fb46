"""A delivery's states, and what follows from an attempt: Pending → Delivered | Retry (→ Pending) | Abandoned."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from producers.log.places import Place

JITTER = 0.1
LONGEST_RETRY_AFTER_S = 86_400.0
GONE = 410


@dataclass(frozen=True)
class Pending:
    """A delivery that is to be attempted now, for the `attempt`th time."""

    webhook_id: str
    attempt: int
    url: str
    job_id: str
    """What it tells of: a job, or a batch."""
    tenant: str
    key_id: str
    body: bytes
    origin: Place


@dataclass(frozen=True)
class Replied:
    """The receiver answered; `retry_after_s` is its wish, if it had one."""

    status: int
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Unreached:
    """Nobody answered in time."""

    error: str


@dataclass(frozen=True)
class NotAllowed:
    """We must not call there, or cannot sign for whoever asked."""

    error: str


@dataclass(frozen=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True)
class Retry:
    """Another attempt, at this time."""

    at_ms: float
    error: str


@dataclass(frozen=True)
class Abandoned:
    """No further attempt: all are used up, or there is no sense in one."""

    why: Literal["exhausted", "refused"]
    error: str


Result = Replied | Unreached | NotAllowed
Verdict = Delivered | Retry | Abandoned


def judge(attempt: int, result: Result, delays_s: tuple[float, ...], now_ms: float, jitter: float) -> Verdict:
    """What follows from the result of the `attempt`th attempt; `jitter` is drawn from [0, 1)."""
    match result:
        case Replied(status=status) if 200 <= status < 300:
            return Delivered()
        case Replied(status=status) if status == GONE:
            return Abandoned("refused", f"the receiver answered {status}: it wants no more")
        case NotAllowed(error=error):
            return Abandoned("refused", error)
        case Replied(status=status, retry_after_s=after_s):
            return _later(attempt, f"the receiver answered {status}", after_s or 0.0, delays_s, now_ms, jitter)
        case Unreached(error=error):
            return _later(attempt, error, 0.0, delays_s, now_ms, jitter)


def _later(
    attempt: int, error: str, wish_s: float, delays_s: tuple[float, ...], now_ms: float, jitter: float
) -> Retry | Abandoned:
    if attempt >= len(delays_s):
        return Abandoned("exhausted", error)
    delay_s = max(delays_s[attempt], min(wish_s, LONGEST_RETRY_AFTER_S)) * (1.0 + JITTER * jitter)
    return Retry(now_ms + delay_s * 1000.0, error)


def retry_after_s(header: str | None, now_ms: float) -> float | None:
    """The wish in a `Retry-After` header, in seconds from now; None where there is none that makes sense."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        at_s = parsedate_to_datetime(header).timestamp()
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError):
        # A stranger wrote it: besides dates that are none there are those that no clock can hold.
        return None
    return max(0.0, at_s - now_ms / 1000.0)
