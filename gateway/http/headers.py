"""Request headers that mean something to us, and flags in a query, read; what is wrong in them is refused. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Protocol

from gateway.http.problems import bad_value, unread_encoding
from producers.prompts import bounds
from producers.prompts.reading import LONGEST_DEADLINE_S

LONGEST_WAIT_S: Final = 60
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_QUOTED = re.compile(
    r'"(?P<text>(?:[^"\\]|\\["\\])*)"'
    r'(?: *; *[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[^"\\]|\\["\\])*"|[^ ";,]+))?)*'
)
"""A string, and parameters behind it, which say nothing to us."""
_LISTED = re.compile(r'(?:"[^"]*"|[^,"])+')
_BEFORE_PARAMETERS = re.compile(r'(?:"[^"]*"|[^;"])*')
_NEVER = re.compile(r"[qQ]=0(\.0{0,3})?")
PERIOD: Final = r"[1-9][0-9]{0,6}[smh]?"
_ANY_PERIOD = re.compile(r"[1-9][0-9]*[smh]?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_ONCE: Final = ("Authorization", "Idempotency-Key", "Cancel-After", "Last-Event-ID")
_REPEATED: Final = frozenset({"include", "include[]"})
PASSED_OVER: Final = frozenset({*_REPEATED, "include_obfuscation"})
"""What OpenAI's clients may ask for beside an answer; where there is any of it, its handler looks at them."""
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})


class Named(Protocol):
    """What is told by name, each perhaps several times."""

    def __iter__(self) -> Iterator[str]:
        """The names."""
        ...

    def getall(self, name: str, default: list[str], /) -> list[str]:
        """All that is told under a name, in order."""
        ...


def must_not_contradict(headers: Named, query: Named) -> None:
    """Each header that we go by, and each name of the query, stands once: a proxy may go by the other one.

    Raises:
        Problem: 400, with the name.
    """
    for name in _ONCE:
        if len(headers.getall(name, [])) > 1:
            raise bad_value(f"The header {name} stands twice.", name)
    for name in query:
        if len(query.getall(name, [])) > 1 and name not in _REPEATED:
            raise bad_value(f"{name[:100]} stands twice in the query.", name[:100])


def must_be_known(query: Iterable[str], known: Collection[str]) -> None:
    """A name of the query that we do not know would be passed over, and what it asks for not be done.

    Raises:
        Problem: 400, with the name.
    """
    for name in query:
        if name not in known and name not in PASSED_OVER:
            raise bad_value(f"The query {name[:100]} is not known here.", name[:100])


def must_be_readable(headers: Named) -> None:
    """A body is packed in one of the ways that we unpack: what we took as it came, a proxy may read unpacked.

    Raises:
        Problem: 415.
    """
    given = headers.getall("Content-Encoding", [])
    if len(given) > 1 or any(each.strip(" \t").lower() not in _ENCODINGS for each in given):
        raise unread_encoding()


def takes_gzip(headers: Named) -> bool:
    """Whether who asks can unpack a gzip: `Accept-Encoding` names it, and not with a weight of nothing."""
    listed = (each.partition(";") for line in headers.getall("Accept-Encoding", []) for each in line.split(","))
    return any(name.strip().lower() == "gzip" and not _NEVER.fullmatch(weight.strip()) for name, _, weight in listed)


def request_id(headers: Mapping[str, str]) -> str | None:
    """The client's own name for its request, if it is sane."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else None


def bearer(headers: Mapping[str, str]) -> str | None:
    """The API key that the request carries, if any."""
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The `Idempotency-Key`: a string of RFC 8941 in its quotes, or a key as it is.

    Raises:
        Problem: 400.
    """
    given = headers.get("Idempotency-Key")
    if given is None:
        return None
    key = given.strip(" \t")
    if key.startswith('"'):
        if (quoted := _QUOTED.fullmatch(key)) is None:
            raise bad_value(
                "Idempotency-Key: what begins with a quote must be one string of RFC 8941.", "Idempotency-Key"
            )
        key = re.sub(r"\\(.)", r"\1", quoted["text"])
    if not bounds.is_idempotency_key(key):
        raise bad_value(f"Idempotency-Key must have {bounds.IDEMPOTENCY_KEY}.", "Idempotency-Key")
    return key


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a query says yes.

    Raises:
        Problem: 400, it says neither yes nor no.
    """
    given = query.get(name, "false").lower()
    if given not in _FLAGS:
        raise bad_value(f"{name} must be true or false.", name)
    return _FLAGS[given]


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
    period = given.strip(" \t")
    if _ANY_PERIOD.fullmatch(period) is None:
        raise bad_value("Cancel-After must be a period such as 30s, 5m or 1h.", "Cancel-After")
    number, unit = (period[:-1], period[-1]) if period[-1] in _SECONDS else (period, "s")
    seconds = float(number) * _SECONDS[unit]
    if seconds > LONGEST_DEADLINE_S:
        raise bad_value(f"Cancel-After may be {LONGEST_DEADLINE_S:.0f} seconds at most.", "Cancel-After")
    return seconds


def preferences(headers: Named) -> dict[str, str]:
    """What `Prefer` asks for (RFC 7240), by name; a preference that is not understood is passed over.

    Its lines are one list; of what stands twice the first counts; parameters of a preference say nothing to us.
    """
    asked: dict[str, str] = {}
    for each in (each for line in headers.getall("Prefer", []) for each in _LISTED.findall(line)):
        name, _, value = _BEFORE_PARAMETERS.findall(each)[0].partition("=")
        asked.setdefault(name.strip().lower(), value.strip().strip('"'))
    return asked


def wait_s(headers: Named) -> int:
    """How many seconds `Prefer: wait=n` allows us to hold the request; 0 where it does not ask."""
    asked = preferences(headers).get("wait", "")
    return int(min(float(asked), LONGEST_WAIT_S)) if asked.isascii() and asked.isdigit() else 0
