"""The named queries: one file a question, with a sentence on top that says what it answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from infra.errors import NeverTryAgain

DAY_S = 86_400
_MAX_BUCKETS = 10_000
_MAX_LIMIT = 10_000
_LAST_S = 4_102_444_800  # the year 2100


class WrongParameter(NeverTryAgain):
    """A parameter of a report is unknown or has a value that makes no sense; `param` names it."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Question:
    """A named query."""

    name: str
    about: str
    sql: str


@dataclass(frozen=True)
class Range:
    """What every query can be asked for: a time range (unix seconds), the width of its buckets, a tenant or all."""

    since_s: float
    until_s: float
    bucket_s: int = 3600
    tenant: str = ""
    limit: int = 100

    def parameters(self) -> dict[str, Any]:
        """As the queries name them."""
        return {
            "since_s": round(self.since_s, 3),
            "until_s": round(self.until_s, 3),
            "bucket_s": self.bucket_s,
            "tenant": self.tenant,
            "limit": self.limit,
        }


def questions() -> dict[str, Question]:
    """Every named query, by its name."""
    folder = resources.files("analytics") / "queries"
    files = sorted((each.name.removesuffix(".sql"), each) for each in folder.iterdir() if each.name.endswith(".sql"))
    return {name: _question(name, each.read_text()) for name, each in files}


def _question(name: str, text: str) -> Question:
    lines = text.splitlines()
    about = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    return Question(name, " ".join(about), "\n".join(line for line in lines if not line.startswith("--")))


def read_range(given: Mapping[str, str], *, now_s: float) -> Range:
    """The range that a query string asks for; the last 24 hours in buckets of an hour where it says nothing.

    Raises:
        WrongParameter: an unknown name, or a value out of range.
    """
    known = {"since_s", "until_s", "bucket_s", "tenant", "limit"}
    for name in given:
        if name not in known:
            raise WrongParameter(name, f"{name} is not a parameter of reports; there are {', '.join(sorted(known))}")
    until_s = _number(given, "until_s", now_s, least=0, most=_LAST_S)
    since_s = _number(given, "since_s", max(0.0, until_s - DAY_S), least=0, most=_LAST_S)
    bucket_s = int(_number(given, "bucket_s", 3600, least=1, most=366 * DAY_S))
    if since_s >= until_s:
        raise WrongParameter("since_s", "since_s must be less than until_s")
    if (until_s - since_s) / bucket_s > _MAX_BUCKETS:
        raise WrongParameter("bucket_s", f"more than {_MAX_BUCKETS} buckets; make them wider or the range shorter")
    limit = int(_number(given, "limit", 100, least=1, most=_MAX_LIMIT))
    return Range(since_s, until_s, bucket_s, given.get("tenant", ""), limit)


def _number(given: Mapping[str, str], name: str, default: float, *, least: float, most: float) -> float:
    if name not in given:
        return default
    try:
        number = float(given[name])
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise WrongParameter(name, f"{name} must be a number from {least:g} to {most:g}")
    return number


def plain(value: Any) -> Any:
    """A value of ClickHouse as JSON has it: times as unix seconds, no NaN."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
