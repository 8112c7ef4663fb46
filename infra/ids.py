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
_TIME = 10
"""Characters of them that tell the time."""
_FIVE_BITS = bytes(ord(_ALPHABET[each & 31]) for each in range(256))


def new_id(kind: str, clock: Clock) -> str:
    """Make an id such as `job_01jd…`; ids made later sort later (to the millisecond)."""
    by_chance = secrets.token_bytes(LENGTH - _TIME).translate(_FIVE_BITS).decode()  # of each byte five bits
    return f"{kind}_{_base32(int(clock.now_ms()), _TIME)}{by_chance}"


def derived_id(kind: str, source: str) -> str:
    """Make the id that always follows from `source` (for what must be the same when it is made twice)."""
    return f"{kind}_{_base32(int.from_bytes(hashlib.sha256(source.encode()).digest()[:16], 'big') >> 2)}"


def is_id(kind: str, text: str) -> bool:
    """Whether the text is an id of this kind as we make them."""
    given, _, rest = text.partition("_")
    return given == kind and len(rest) == LENGTH and set(rest) <= set(_ALPHABET)


def made_ms(id: str) -> float:
    """When an id was made (of a derived one this says nothing), in ms since the epoch; `id` is one of ours."""
    number = 0
    for each in id.partition("_")[2]:
        number = number << 5 | _ALPHABET.index(each)
    return float(number >> _RANDOM_BITS)


def _base32(number: int, characters: int = LENGTH) -> str:
    return "".join([_ALPHABET[(number >> shift) & 31] for shift in range(5 * (characters - 1), -1, -5)])
