"""The two families of refusals that TGI knows, and what a broken engine raises.

`Malformed` comes from the HTTP framework: plain text, always with its own status. `TgiRefusal` comes from TGI: JSON
with an `error_type`; on a stream whose head has gone out it becomes one more event.
"""

from infra.errors import HeadraceError, NeverTryAgain, TryAgain


class Malformed(NeverTryAgain):
    """The body is not JSON, not of the wanted shape, too large or of another content type."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class TgiRefusal(HeadraceError):
    """TGI's own refusal: text, error type and status."""

    def __init__(self, status: int, text: str, error_type: str) -> None:
        super().__init__(text)
        self.status = status
        self.error_type = error_type

    def body(self) -> dict[str, str]:
        """The JSON body, which is also the error event of a native stream."""
        return {"error": str(self), "error_type": self.error_type}


class EngineFailed(TryAgain):
    """The engine could not make the next token."""


class CutConnection(TryAgain):
    """The timed engine was told to hang up on its client here."""


class SendGarbage(TryAgain):
    """The timed engine was told to send something that is no event."""


def invalid(text: str) -> TgiRefusal:
    """A value is out of its range."""
    return TgiRefusal(422, f"Input validation error: {text}", "validation")


def overloaded() -> TgiRefusal:
    """No permit is free."""
    return TgiRefusal(429, "Model is overloaded", "overloaded")


def generation_failed(cause: str) -> TgiRefusal:
    """The engine failed in mid-answer."""
    return TgiRefusal(424, f"Request failed during generation: Server error: {cause}", "generation")


def unhealthy() -> TgiRefusal:
    """The engine is not there (yet)."""
    return TgiRefusal(503, "unhealthy", "healthcheck")


def tool_error(text: str) -> TgiRefusal:
    """Tools were asked for in a way that cannot be, or the answer is no call of one."""
    return TgiRefusal(422, f"Tool error: {text}", "tool_error")


def template_error(text: str) -> TgiRefusal:
    """The chat template refused the messages."""
    return TgiRefusal(422, f"Template error: {text}", "template_error")
