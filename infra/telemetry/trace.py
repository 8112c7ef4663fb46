"""W3C trace context (https://www.w3.org/TR/trace-context/): the `traceparent` of headers and records."""

import re
import secrets

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def child_of(traceparent: str | None) -> str:
    """A traceparent of our own under the caller's trace, or of a new trace where theirs is missing or malformed."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    return f"00-{found[1]}-{secrets.token_hex(8)}-{found[3]}"
