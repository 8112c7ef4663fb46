"""Failed sign-ins, counted by the client's address, so that somebody who guesses or loops is told to wait. Pure.

Who knows a key is never held up: keys cannot be guessed, and behind one address there may be many people.
"""

import ipaddress
from dataclasses import dataclass

WINDOW_S = 60.0
MOST_ADDRESSES = 10_000
"""Addresses remembered; beyond these the one that failed first is forgotten."""


@dataclass
class _Failures:
    since_s: float
    count: int = 0


class SignIns:
    """Counts failures in windows of a minute, each beginning with an address's first."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._failed: dict[str, _Failures] = {}

    def failed(self, client: str, now_s: float) -> float:
        """Count one; how long that client is to wait from now on, 0 while it is within its limit."""
        whose = _whose(client)
        known = self._failed.get(whose)
        if known is None or now_s - known.since_s >= WINDOW_S:
            self._failed.pop(whose, None)
            if len(self._failed) >= MOST_ADDRESSES:
                self._failed.pop(next(iter(self._failed)))
            known = self._failed[whose] = _Failures(now_s)
        known.count += 1
        return known.since_s + WINDOW_S - now_s if known.count > self._per_minute else 0.0

    def is_first_over(self, client: str) -> bool:
        """Whether the last failure was the first beyond the limit: worth a line in the log, unlike those after it."""
        known = self._failed.get(_whose(client))
        return known is not None and known.count == self._per_minute + 1


def _whose(client: str) -> str:
    """The address; of IPv6 its network, since a household has 2^64 addresses."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 4:
        return client
    return str(ipaddress.ip_network((address, 64), strict=False))
