"""The words in which a route is described."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from gateway.http import headers
from gateway.http.including import INCLUDED
from gateway.http.paging import DEFAULT_LIMIT, MOST
from producers.prompts.bounds import LONGEST_IDEMPOTENCY_KEY

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
LINES: Final = "application/jsonl"


@dataclass(frozen=True)
class Parameter:
    """A parameter in the query or a header. `type` is any type that msgspec can make a schema of."""

    name: str
    where: Literal["query", "header"]
    type: Any
    about: str
    more: Mapping[str, Any] = field(default_factory=dict)
    """What the type does not say: JSON Schema's words."""


@dataclass(frozen=True)
class Content:
    """A body of one media type: its shape where it is JSON; for streams and lines the shapes of each event or line."""

    shape: Any = None
    each: Mapping[str, Any] = field(default_factory=dict)
    binary: bool = False


@dataclass(frozen=True)
class Reply:
    """One way in which a route answers when all is well."""

    about: str
    content: Mapping[str, Content] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """A route. What all routes of its kind have (errors, ids in the path, the key) is not said here but added."""

    tag: str
    summary: str
    replies: Mapping[int, Reply]
    about: str = ""
    takes: Any = None
    """The type of its JSON body."""
    takes_as: Mapping[str, Content] = field(default_factory=dict)
    """A body that is not JSON, by media type."""
    body_required: bool = True
    asks: tuple[Parameter, ...] = ()
    fails: tuple[int, ...] = ()
    """The errors beyond those that follow from what it takes."""
    is_open: bool = False
    by_ticket: bool = False
    """A browser may come with a ticket in the URL."""


def replies(shape: Any, about: str, *headers: str) -> Reply:
    """JSON of that shape."""
    return Reply(about, {JSON: Content(shape)}, headers)


def query(name: str, kind: Any, about: str, **more: Any) -> Parameter:
    """A parameter in the query."""
    return Parameter(name, "query", kind, about, more)


def header(name: str, kind: Any, about: str, **more: Any) -> Parameter:
    """A header of the request."""
    return Parameter(name, "header", kind, about, more)


PAGE: Final = (
    query("after", str, "The id of the last one that you have: the page begins behind it."),
    query("limit", Annotated[int, Meta(ge=1, le=MOST)], "How many at most.", default=DEFAULT_LIMIT),
    query("order", Literal["asc", "desc"], "Oldest or newest first.", default="desc"),
)
PAGE_FROM_OLDEST: Final = (
    *PAGE[:2],
    query("order", Literal["asc", "desc"], "Oldest or newest first.", default="asc"),
)
IDEMPOTENCY_KEY: Final = header(
    "Idempotency-Key",
    Annotated[str, Meta(min_length=1, max_length=LONGEST_IDEMPOTENCY_KEY)],
    "The same key with the same body within 24 hours is the same request: what it made is answered again "
    "(`Idempotent-Replayed: true`); with another body it is refused (422).",
    pattern="^[ -~]*[!-~][ -~]*$",
)
CANCEL_AFTER: Final = header(
    "Cancel-After", str, "How long the answer is worth having: `30s`, `5m`, `1h`.", pattern=f"^{headers.PERIOD}$"
)
IF_NONE_MATCH: Final = header("If-None-Match", str, "The `ETag` that you have: 304 where it is still the same.")
LAST_EVENT_ID: Final = header("Last-Event-ID", str, "The `id` of the last event that you have: what follows is told.")
PREFER: Final = header(
    "Prefer",
    str,
    f"`wait=n` (RFC 7240) holds the request until the job has ended, for n seconds (up to {headers.LONGEST_WAIT_S}).",
)

INCLUDE: Final = query(
    "include",
    list[str],
    "What OpenAI's clients may ask for; it changes nothing here.",
    items={"type": "string", "enum": sorted(INCLUDED)},
)
