"""What every answer has around its body: headers, and the errors that follow from what a route takes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.openapi.operation import JSON, Operation
from gateway.repeats import table

_SECONDS: Final = {"type": "string", "pattern": r"^[1-9]\d*$"}
_NUMBER: Final = {"type": "string", "pattern": r"^\d+$"}
_PERIOD: Final = {"type": "string", "pattern": r"^(\d+h)?(\d+m)?\d+s$"}

HEADERS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "x-request-id": ("The name of this request, in our logs too.", {"type": "string", "minLength": 1}),
    "x-job-id": ("The job behind this answer.", {"type": "string", "pattern": "^job_"}),
    "x-should-retry": ("Whether OpenAI's clients should try again.", {"enum": ["true", "false"]}),
    "x-ratelimit-limit-requests": ("Requests a minute.", _NUMBER),
    "x-ratelimit-remaining-requests": ("Requests left.", _NUMBER),
    "x-ratelimit-reset-requests": ("Until all are there again.", _PERIOD),
    "x-ratelimit-limit-tokens": ("Tokens a minute.", _NUMBER),
    "x-ratelimit-remaining-tokens": ("Tokens left.", _NUMBER),
    "x-ratelimit-reset-tokens": ("Until all are there again.", _PERIOD),
    "RateLimit": ("How the limits stand (draft-ietf-httpapi-ratelimit-headers).", {"type": "string"}),
    "RateLimit-Policy": ("The limits.", {"type": "string"}),
    "Retry-After": ("Seconds to wait before asking again.", _SECONDS),
    "Location": ("Where the job is.", {"type": "string", "pattern": "^/v1/"}),
    "ETag": ("Of this state; for `If-None-Match`.", {"type": "string", "pattern": '^(W/)?".*"$'}),
    "Cache-Control": ("How long it may be kept.", {"type": "string"}),
    "Content-Disposition": ("The name of the file.", {"type": "string"}),
    "Idempotent-Replayed": ("This is what the first request with this key was told.", {"enum": ["true"]}),
    "Preference-Applied": ("Which preference was followed.", {"type": "string"}),
    "WWW-Authenticate": ("How to sign in.", {"enum": ["Bearer"]}),
}
LIMITS: Final = tuple(name for name in HEADERS if "ratelimit" in name.lower())
ALWAYS: Final = frozenset({"x-request-id"})
"""Headers that no answer lacks."""

ERRORS: Final[Mapping[int, tuple[str, Sequence[str]]]] = {
    400: ("A value is missing or wrong: `param` names it.", ()),
    401: ("No API key, or none that is known.", ("WWW-Authenticate",)),
    403: ("The key may not do this.", ()),
    404: ("There is no such thing, or it belongs to somebody else.", ()),
    408: ("The body did not come in time.", ()),
    409: ("It is in a state that does not allow this.", ("Retry-After", "x-should-retry", "x-job-id")),
    410: ("It is no longer kept.", ()),
    413: ("The body is too large.", ()),
    414: ("The URL is too long.", ()),
    415: ("The body is of another media type.", ()),
    422: ("The `Idempotency-Key` was used for another request.", ("x-should-retry",)),
    429: ("A limit of the key or of its tenant is reached.", ("Retry-After", "x-should-retry", *LIMITS)),
    431: ("A header is too long.", ()),
    500: ("Something went wrong on our side.", ()),
    503: (
        "Not now; nothing was promised, or `x-job-id` names the job that was accepted all the same.",
        ("Retry-After", "x-should-retry", "x-job-id"),
    ),
    504: ("It took longer than a synchronous call may take.", ("x-should-retry",)),
}

_BELOW_HTTP: Final = frozenset({400, 414, 431, 500})
"""Whoever answers, and whatever is asked."""
_WITH_A_KEY: Final = frozenset({401, 403, 429, 503})


def failures(operation: Operation, method: str, path: str) -> list[int]:
    """The status of every error that a route may tell."""
    found = {*_BELOW_HTTP, *operation.fails}
    if not operation.is_open:
        found |= _WITH_A_KEY
    if "{" in path:
        found.add(404)
    if method == "POST":
        found |= {408, 413}
    if table.takes_key(method, path):
        found |= {409, 422}
    if operation.takes is not None or operation.takes_as:
        found.add(415)
    return sorted(found - set(operation.replies))


def error_responses() -> dict[str, Any]:
    """Every error, as components."""
    return {f"Error{status}": _error(*told) for status, told in ERRORS.items()}


def _error(about: str, headers: Sequence[str]) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    return {"description": about, "headers": header_references(headers), "content": content}


def header_references(names: Sequence[str]) -> dict[str, Any]:
    """Headers by name, those that no answer lacks first."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*sorted(ALWAYS), *names)}


def headers() -> dict[str, Any]:
    """Every header, as components."""
    return {
        name: {"description": about, "schema": dict(schema), **({"required": True} if name in ALWAYS else {})}
        for name, (about, schema) in HEADERS.items()
    }
