"""What a report is asked for: a time range cut into buckets, whose jobs, and which of them. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.errors import NeverTryAgain
from producers.events import LANES
from producers.jobs.record import ENDED, STATUSES

DAY_S: Final = 86_400
PRESETS_S: Final = {"15m": 900, "1h": 3600, "24h": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S}
WIDTHS_S: Final = (1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY_S)
"""Widths of buckets that people can read off an axis; each divides a day."""
_WANTED_BUCKETS: Final = 72
_MAX_BUCKETS: Final = 10_000
_MAX_LIMIT: Final = 10_000
_LONGEST_S: Final = 400 * DAY_S
_FARTHEST_ZONE_S: Final = 18 * 3600
_LAST_S: Final = 4_102_444_800  # the year 2100
_FILTERS: Final = ("tenant", "model", "lane", "status", "job")
_CHOICES: Final = {"lane": LANES, "status": tuple(each for each in STATUSES if each in ENDED)}
_ZONE: Final = "zone_s"


class WrongParameter(NeverTryAgain):
    """A parameter of a report is unknown or has a value that makes no sense; `param` names it."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Range:
    """What every query can be asked for: from `since_s` on, before `until_s` (unix seconds); an empty filter is all.

    Buckets begin where the clocks of `zone_s` (seconds east of UTC) show a multiple of `bucket_s`: days at midnight.
    """

    since_s: float
    until_s: float
    bucket_s: int = 3600
    zone_s: int = 0
    tenant: str = ""
    model: str = ""
    lane: str = ""
    status: str = ""
    job: str = ""
    limit: int = 100

    def parameters(self) -> dict[str, Any]:
        """As the queries name them."""
        times = {"since_s": round(self.since_s, 3), "until_s": round(self.until_s, 3)}
        return {**{name: getattr(self, name) for name in (*_FILTERS, "bucket_s", _ZONE, "limit")}, **times}

    def bucket_of(self, at_s: float) -> int:
        """The start of the bucket that holds an instant."""
        return math.floor((at_s + self.zone_s) / self.bucket_s) * self.bucket_s - self.zone_s

    def buckets(self) -> list[int]:
        """The starts of all its buckets, those that hold nothing among them."""
        return list(range(self.bucket_of(self.since_s), math.ceil(self.until_s), self.bucket_s))

    def whole(self) -> "Range":
        """The same in one bucket."""
        return replace(self, bucket_s=max(1, math.ceil(self.until_s - self.since_s)), zone_s=-math.floor(self.since_s))

    def before(self) -> "Range":
        """As long a range that ends where this one begins."""
        return replace(self, since_s=max(0.0, 2 * self.since_s - self.until_s), until_s=self.since_s)


def read_range(given: Mapping[str, str], *, now_s: float) -> Range:
    """The range that a query string asks for; the last 24 hours in buckets of an hour where it says nothing.

    Where a `job` is given it is found whenever it was.

    Raises:
        WrongParameter: an unknown name, or a value out of range.
    """
    _only(given, {"since_s", "until_s", "bucket_s", "limit", _ZONE, *_FILTERS})
    always = bool(given.get("job"))
    until_s = _number(given, "until_s", _LAST_S if always else now_s, least=0, most=_LAST_S)
    since_s = _number(given, "since_s", 0.0 if always else max(0.0, until_s - DAY_S), least=0, most=_LAST_S)
    bucket_s = int(_number(given, "bucket_s", 366 * DAY_S if always else 3600, least=1, most=366 * DAY_S))
    if since_s >= until_s:
        raise WrongParameter("since_s", "since_s must be less than until_s")
    if (until_s - since_s) / bucket_s > _MAX_BUCKETS:
        raise WrongParameter("bucket_s", f"more than {_MAX_BUCKETS} buckets; make them wider or the range shorter")
    limit = int(_number(given, "limit", 100, least=1, most=_MAX_LIMIT))
    return Range(since_s, until_s, bucket_s, _zone(given), **_filters(given), limit=limit)


def read_view(given: Mapping[str, str], *, now_s: float) -> Range:
    """The range of a dashboard: a preset (`range=24h`) up to now, or `since_s` and `until_s`; the buckets follow.

    It begins with a whole bucket; the last one may be under way.

    Raises:
        WrongParameter: an unknown name, or a value out of range.
    """
    _only(given, {"range", "since_s", "until_s", _ZONE, *_FILTERS})
    if "since_s" in given or "until_s" in given:
        if given.get("range"):
            raise WrongParameter("range", "give range, or since_s and until_s: they exclude one another")
        until_s = _number(given, "until_s", now_s, least=0, most=_LAST_S)
        since_s = _number(given, "since_s", max(0.0, until_s - DAY_S), least=0, most=_LAST_S)
    else:
        preset = given.get("range", "24h")
        if preset not in PRESETS_S:
            raise WrongParameter("range", f"range is one of {', '.join(PRESETS_S)}; or give since_s and until_s")
        since_s, until_s = now_s - PRESETS_S[preset], now_s
    if not since_s < until_s <= since_s + _LONGEST_S:
        raise WrongParameter("since_s", f"since_s must be before until_s, by {_LONGEST_S // DAY_S} days at most")
    view = Range(since_s, until_s, width_for(until_s - since_s), _zone(given), **_filters(given))
    return replace(view, since_s=float(max(0, view.bucket_of(since_s))))


def width_for(length_s: float) -> int:
    """The width of buckets for a range of this length: the narrowest that makes no more than we want to see."""
    return next((width for width in WIDTHS_S if length_s / width <= _WANTED_BUCKETS), WIDTHS_S[-1])


def _only(given: Mapping[str, str], known: set[str]) -> None:
    """Refuse any other name; of `tenant`, which the gateway gives and nobody else may, its clients are not told."""
    for name in given:
        if name not in known:
            there_are = ", ".join(sorted(known - {"tenant"}))
            raise WrongParameter(name, f"{name} is not a parameter of reports; there are {there_are}")


def _zone(given: Mapping[str, str]) -> int:
    return int(_number(given, _ZONE, 0, least=-_FARTHEST_ZONE_S, most=_FARTHEST_ZONE_S))


def _filters(given: Mapping[str, str]) -> dict[str, Any]:
    for name, choices in _CHOICES.items():
        if name in given and given[name] not in choices:
            raise WrongParameter(name, f"{name} must be one of {', '.join(choices)}")
    return {name: given.get(name, "") for name in _FILTERS}


def _number(given: Mapping[str, str], name: str, default: float, *, least: float, most: float) -> float:
    if name not in given:
        return default
    try:
        number = float(given[name])
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise WrongParameter(name, f"{name} must be a number from {least:.0f} to {most:.0f}")
    return number
