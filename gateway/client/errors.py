"""What can go wrong for a program that asks a gateway; all hang on the tree of `infra/errors.py`.

NeverTryAgain
├── Refused           the gateway said no, and would say no again
│   ├── WrongRequest  400, 413, 415, 422: `param` names the field
│   ├── WrongKey      401, 403
│   ├── NotFound      404, 410: nothing there, or somebody else's
│   └── Conflict      409: the thing is in a state that does not allow this
├── JobFailed         a job ended without an answer; `job` says how
└── WrongWebhook      a webhook that nobody we know has signed, or not now
TryAgain
├── Limited           429, for longer than was to be waited
├── TimedOut          a job has not ended in the time that was given it; it goes on
└── Unavailable       no answer within patience, or a 5xx: `Overloaded`
"""

import msgspec

from gateway.client.objects import Job, JobError
from infra.errors import NeverTryAgain, TryAgain, Unavailable


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway said of a request that it did not answer as was wished."""

    status: int
    error: JobError
    request_id: str = ""
    after_s: float | None = None
    should_retry: bool | None = None

    def __str__(self) -> str:
        return f"{self.error.message} ({self.status})"


class Refused(NeverTryAgain):
    """The gateway said no, and would say no again."""

    def __init__(self, told: Told) -> None:
        super().__init__(f"the gateway refused: {told}")
        self.told = told
        self.status, self.request_id = told.status, told.request_id
        self.message, self.type = told.error.message, told.error.type
        self.param, self.code = told.error.param, told.error.code


class WrongRequest(Refused):
    """A field is missing or wrong, or the body is too large."""


class WrongKey(Refused):
    """The key is missing, unknown, revoked, or may not do this."""


class NotFound(Refused):
    """There is no such thing, or it is somebody else's."""


class Conflict(Refused):
    """The thing is in a state that does not allow this."""


class Limited(TryAgain):
    """The key's own limit is reached, for longer than was to be waited."""

    def __init__(self, told: Told) -> None:
        super().__init__(f"the gateway's limit is reached: {told}", after_s=told.after_s or 1.0)
        self.status, self.request_id = told.status, told.request_id
        self.code = told.error.code


class Overloaded(Unavailable):
    """The gateway answers, but cannot do its work just now."""

    def __init__(self, url: str, told: Told) -> None:
        message = f"the gateway at {url} cannot be reached: it refuses for now: {told}"
        super().__init__("gateway", message, after_s=told.after_s or 1.0)
        self.status, self.request_id = told.status, told.request_id
        self.code = told.error.code


class TimedOut(TryAgain):
    """The job has not ended in the time that was given it; it goes on."""

    def __init__(self, job_id: str, timeout_s: float) -> None:
        super().__init__(f"the job {job_id} has not ended within {timeout_s:g} s; it goes on")
        self.job_id = job_id


class JobFailed(NeverTryAgain):
    """The job ended without an answer."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.failure)
        self.job = job


class WrongWebhook(NeverTryAgain):
    """Nobody we know has signed this webhook, or not now."""


_BY_STATUS = {
    400: WrongRequest,
    413: WrongRequest,
    415: WrongRequest,
    422: WrongRequest,
    401: WrongKey,
    403: WrongKey,
    404: NotFound,
    410: NotFound,
    409: Conflict,
}


def refused(told: Told) -> Refused:
    """The error for what will not be otherwise."""
    return _BY_STATUS.get(told.status, Refused)(told)


def given_up(url: str, told: Told) -> Limited | Overloaded:
    """The error for what might have been otherwise later, but patience is at its end."""
    return Limited(told) if told.status == 429 else Overloaded(url, told)


def not_understood(status: int = 200, request_id: str = "") -> Refused:
    """The error for an answer that is none of a gateway of ours."""
    message = "its answer is not what was asked for; is this a Headrace gateway?"
    return refused(Told(status=status, error=JobError(message=message), request_id=request_id))
