"""The tree every error of ours hangs on.

HeadraceError
├── TryAgain            the same call may succeed later; `after_s` says when
│   └── Unavailable     a part we depend on does not answer; `part` says which
│       └── CannotStart an embedded part does not start; the message says why and what to do
├── NeverTryAgain       the same call will fail the same way
│   ├── WrongSetting    a setting is unknown, of the wrong type or contradicts another
│   ├── WrongField      a field of what is asked is missing or wrong; `field` says which
│   ├── InvalidEvent    bytes on a topic that are no event of ours
│   ├── WrongTopic      a topic on the broker is not as the contracts say
│   └── TooLarge        a record that no broker of ours will ever take
└── OurFault            a promise of our own code is broken
"""


class HeadraceError(Exception):
    """Something went wrong in Headrace."""


class TryAgain(HeadraceError):
    """The same call may succeed later."""

    def __init__(self, message: str, *, after_s: float = 1.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class Unavailable(TryAgain):
    """A part we depend on does not answer."""

    def __init__(self, part: str, message: str = "", *, after_s: float = 1.0) -> None:
        super().__init__(message or f"{part} does not answer", after_s=after_s)
        self.part = part


class CannotStart(Unavailable):
    """An embedded part does not start."""

    def __init__(self, part: str, why: str, *, advice: str) -> None:
        super().__init__(part, f"{part} cannot start: {why}\n  What to do: {advice}")


class NeverTryAgain(HeadraceError):
    """The same call will fail the same way."""


class WrongSetting(NeverTryAgain):
    """A setting is unknown, of the wrong type, or contradicts another."""


class WrongField(NeverTryAgain):
    """A field of what is asked is missing or wrong."""

    def __init__(self, message: str, field: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class InvalidEvent(NeverTryAgain):
    """Bytes on a topic that are no event of ours."""


class WrongTopic(NeverTryAgain):
    """A topic on the broker is not as the contracts say."""


class TooLarge(NeverTryAgain):
    """A record that no broker of ours will ever take."""


class OurFault(HeadraceError):
    """A promise of our own code is broken."""
