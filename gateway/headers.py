"""Request headers that mean something to us, read; what is wrong in them is refused. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from gateway.problems import Problem, bad_value
from producers.prompts import bounds

LONGEST_WAIT_S: Final = 60
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_PERIOD = re.compile(r"(\d{1,9})(s|m|h)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}


def request_id(headers: Mapping[str, str]) -> str | None:
    """The client's own name for its request, if it is sane."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else None


def bearer(headers: Mapping[str, str]) -> str | None:
    """The API key that the request carries, if any."""
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The `Idempotency-Key`: a quoted string of RFC 8941, or the same without quotes.

    Raises:
        Problem: 400.
    """
    given = headers.get("Idempotency-Key")
    if given is None:
        return None
    key = given.strip()
    if key.startswith('"'):
        if len(key) < 2 or not key.endswith('"'):
            raise bad_value("Idempotency-Key: the closing quote is missing.")
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not bounds.is_idempotency_key(key):
        raise bad_value(f"Idempotency-Key must have {bounds.IDEMPOTENCY_KEY}.")
    return key


def is_json(content_type: str, charset: str | None) -> bool:
    """Whether a body of that type is JSON that we can read."""
    return content_type == "application/json" and (charset or "utf-8").lower() in {"utf-8", "utf8", "us-ascii"}


def last_event_id(headers: Mapping[str, str]) -> int | None:
    """The number of the last event a reader got; 0 where it got none, None where it is no number of ours."""
    given = headers.get("Last-Event-ID", "").strip()
    if not given:
        return 0
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else None


def cancel_after_s(headers: Mapping[str, str]) -> float | None:
    """`Cancel-After: 30s` (or m, h): how long the answer is worth having.

    Raises:
        Problem: 400.
    """
    given = headers.get("Cancel-After")
    if given is None:
        return None
    found = _PERIOD.fullmatch(given.strip())
    if found is None or int(found[1]) == 0:
        raise _no_period()
    return float(int(found[1]) * _SECONDS[found[2]])


def _no_period() -> Problem:
    return bad_value("Cancel-After must be a period such as 30s, 5m or 1h.")


def preferences(headers: Mapping[str, str]) -> dict[str, str]:
    """What `Prefer` asks for (RFC 7240), by name; a preference that is not understood is passed over."""
    given = (each.strip().partition("=") for each in headers.get("Prefer", "").replace(";", ",").split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in given if name}


def wait_s(headers: Mapping[str, str]) -> int:
    """How many seconds `Prefer: wait=n` allows us to hold the request; 0 where it does not ask."""
    asked = preferences(headers).get("wait", "")
    return min(int(asked), LONGEST_WAIT_S) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
