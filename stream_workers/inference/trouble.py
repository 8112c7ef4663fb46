"""What can go wrong with the model server, as values: pure.

TGI tells its errors in two families: JSON with an `error_type` (also as an event within a stream that began with 200),
and the framework's plain text. Both are mapped here, and what is neither, too.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

Kind = Literal["busy", "failed", "gone", "away", "cut", "garbled", "refused", "denied"]
AWAY: frozenset[Kind] = frozenset({"gone", "away"})
"""Trouble that says nothing of the prompt: its job waits until the server is healthy."""

_UNAVAILABLE = 503
"""A server that starts, or a proxy before one that is away; whatever stands in the body."""

_BY_ERROR_TYPE: dict[str, Kind] = {
    "overloaded": "busy",
    "generation": "failed",
    "incomplete_generation": "failed",
    "healthcheck": "away",
    "validation": "refused",
    "template_error": "refused",
    "tool_error": "refused",
}
_BY_STATUS: dict[int, Kind] = {
    400: "refused",
    401: "denied",
    403: "denied",
    404: "denied",
    405: "denied",
    413: "refused",
    415: "refused",
    422: "refused",
    424: "failed",
    429: "busy",
    _UNAVAILABLE: "away",
}
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Trouble:
    """One failure.

    `busy` (429), `failed` (the model's own error), `gone` (no connection), `away` (503, or it hung up before it
    answered: a restart, most likely), `cut` (the stream ended early, or fell silent), `garbled` (no protocol of ours),
    `refused` (the prompt is invalid), `denied` (we are).
    """

    kind: Kind
    message: str


def unsendable(why: str) -> Trouble:
    """What is wrong with a prompt that we cannot even put into words for the server: it will not change by waiting."""
    return Trouble("refused", why[:_LONGEST_MESSAGE])


def of_reply(status: int, body: bytes) -> Trouble:
    """The trouble that a reply other than 200 tells."""
    told = _json(body)
    if isinstance(told, dict) and (known := of_event(told)) is not None:
        return Trouble("away", known.message) if status == _UNAVAILABLE else known
    kind = _BY_STATUS.get(status, "failed" if status >= 500 else "garbled")
    text = body[:_LONGEST_MESSAGE].decode(errors="replace").strip()
    return Trouble(kind, text or f"the model server answered {status}")


def of_event(told: dict[str, Any]) -> Trouble | None:
    """The trouble that an error event or an error's JSON body tells; None where it is no error."""
    if "error" not in told:
        return None
    error = told["error"]
    if isinstance(error, dict):
        status = error.get("http_status_code")
        kind = _BY_STATUS.get(status, "failed") if isinstance(status, int) else "failed"
        return Trouble(kind, str(error.get("message", ""))[:_LONGEST_MESSAGE])
    return Trouble(_BY_ERROR_TYPE.get(str(told.get("error_type")), "failed"), str(error)[:_LONGEST_MESSAGE])


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
