"""The only maker of ids: `<kind>_<26 characters>` that sort by time.

The 26 characters are Crockford's base 32 (lower case) of 48 bits of milliseconds since the epoch and 80 random bits, as
in ULID (https://github.com/ulid/spec).
"""

import hashlib
import secrets

from infra.clock import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
LENGTH = 26


def new_id(kind: str, clock: Clock) -> str:
    """Make an id such as `job_01jd…`; ids made later sort later (to the millisecond)."""
    return f"{kind}_{_base32((int(clock.now_ms()) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))}"


def derived_id(kind: str, source: str) -> str:
    """Make the id that always follows from `source` (for what must be the same when it is made twice)."""
    return f"{kind}_{_base32(int.from_bytes(hashlib.sha256(source.encode()).digest()[:16], 'big') >> 2)}"


def is_id(kind: str, text: str) -> bool:
    """Whether the text is an id of this kind as we make them."""
    given, _, rest = text.partition("_")
    return given == kind and len(rest) == LENGTH and set(rest) <= set(_ALPHABET)


def _base32(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
