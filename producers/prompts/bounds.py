"""How much and how long what a client sends may be; a value out of bounds is refused by its name. Pure."""

import math
import re
from datetime import datetime
from typing import Final, TypeVar

from infra.errors import WrongField
from producers.destinations import Policy, forbidden

MOST_PAIRS, LONGEST_PAIR_KEY, LONGEST_PAIR_VALUE = 16, 64, 512
IDEMPOTENCY_KEY = "1 to 255 printable ASCII characters"
LONGEST_IDEMPOTENCY_KEY = 255
LONGEST_URL, LONGEST_NAME = 2048, 512
LATEST_MS = 253_402_300_799_000.0
"""The end of the year 9999."""

_RFC_3339: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_UNSHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys, what ends a line, and what turns the direction of the text behind it."""

Number = TypeVar("Number", int, float)


def within(name: str, value: Number | None, least: Number, most: Number) -> Number | None:
    """A number from `least` to `most`, if given.

    Raises:
        WrongField: it is not.
    """
    if value is not None and not least <= value <= most:
        raise WrongField(f"{name} must be from {least} to {most}.", name)
    return value


def is_idempotency_key(text: str) -> bool:
    """Whether a key may name what must be done only once."""
    return 0 < len(text) <= LONGEST_IDEMPOTENCY_KEY and text.isascii() and text.isprintable()


def short(name: str, value: str | None, most: int = LONGEST_NAME) -> str | None:
    """A text of at least one character and not too many, if given.

    Raises:
        WrongField: it is not.
    """
    if value is not None and not 0 < len(value) <= most:
        raise WrongField(f"{name} must have 1 to {most} characters.", name)
    return value


def caption(name: str, value: str | None, most: int) -> str | None:
    """A text of one line that people are shown, if given.

    Raises:
        WrongField: it has not 1 to `most` characters, cannot be seen, or holds what is no text.
    """
    if short(name, value, most) is not None and (_UNSHOWN.search(value or "") or not (value or "").strip()):
        raise WrongField(f"{name} must be a line of text, without control characters.", name)
    return value


def pairs(metadata: dict[str, str] | None) -> dict[str, str]:
    """Metadata within its bounds.

    Raises:
        WrongField: too many pairs, or one too long.
    """
    found = metadata or {}
    if len(found) > MOST_PAIRS:
        raise WrongField(f"metadata holds {len(found)} pairs; {MOST_PAIRS} is the most.", "metadata")
    for name, value in found.items():
        if len(name) > LONGEST_PAIR_KEY or len(value) > LONGEST_PAIR_VALUE:
            raise WrongField(
                f"metadata.{name[:LONGEST_PAIR_KEY]}: a key may have {LONGEST_PAIR_KEY} characters, "
                f"a value {LONGEST_PAIR_VALUE}.",
                "metadata",
            )
    return found


def webhook_url(url: str, policy: Policy) -> str:
    """A webhook's URL, unless it says itself that it will never be called; names are judged when connecting.

    Raises:
        WrongField: it is not.
    """
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise WrongField(f"webhook.url must be a URL of {LONGEST_URL} printable characters at most.", "webhook.url")
    if reason := forbidden(url, policy):
        raise WrongField(f"webhook.url cannot be called: {reason.reason}.", "webhook.url")
    return url


def instant_ms(text: str) -> float:
    """A deadline's time (RFC 3339), in ms since the epoch.

    Raises:
        WrongField: it is not.
    """
    if _RFC_3339.fullmatch(text) is None:
        raise _no_instant()
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        raise _no_instant() from None
    ms = at.timestamp() * 1000
    if not 0 < ms <= LATEST_MS or not math.isfinite(ms):
        raise _no_instant()
    return ms


def _no_instant() -> WrongField:
    return WrongField("deadline must be a time such as 2030-01-31T12:00:00Z, or seconds from now.", "deadline")
