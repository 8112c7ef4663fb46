"""The one shape of every error (conventions §3)."""

from typing import Literal, TypedDict

ErrorType = Literal[
    "invalid_request_error", "authentication_error", "permission_error", "rate_limit_error", "server_error"
]


class ErrorShape(TypedDict):
    """What went wrong, for people and for programs."""

    message: str
    type: ErrorType
    param: str | None
    code: str | None


class ErrorBodyShape(TypedDict):
    """The body of every answer that is an error."""

    error: ErrorShape
