"""Error to HTTP: the only place that knows status codes of errors, and the one shape they all have (conventions §3)."""

import math
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web

from gateway.no_job import Deleted, GivenUp, NoJob, NoLongerKept, Unknown
from infra.errors import NeverTryAgain, TooLarge, TryAgain, Unavailable, WrongField
from producers.events import JobError, PromptSubmitted
from producers.jobs.record import JobRecord
from producers.limits.standing import WINDOW_MS, day_ends_ms
from producers.prompts.reading import MODEL_NOT_FOUND

INVALID, AUTHENTICATION, PERMISSION, RATE_LIMIT, SERVER = (
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "rate_limit_error",
    "server_error",
)
_NO_RETRY = {"x-should-retry": "false"}
_MOST_PATIENCE_S = 120.0
"""OpenAI's SDKs come back by themselves after so long at most."""


class Problem(NeverTryAgain):
    """A request that cannot be answered as its sender wished: what is said instead.

    `until_ms` is the moment before which to ask again is of no use, where that does not follow from when it is told.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        until_ms: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = JobError(message, type, param, code)
        self.headers = dict(headers or {})
        self.until_ms = until_ms

    def body(self) -> bytes:
        """The error as JSON, all four keys present."""
        return msgspec.json.encode({"error": self.error})

    def response(self, now_ms: float) -> web.Response:
        """The whole response, as it is told now."""
        headers = dict(self.headers)
        if self.until_ms is not None:
            headers["Retry-After"] = whole_seconds((self.until_ms - now_ms) / 1000)
        return web.Response(status=self.status, body=self.body(), content_type="application/json", headers=headers)


class Stopping(Unavailable):
    """This gateway ends; the job that was read goes on, and so may its reader, at another gateway."""

    def __init__(self) -> None:
        super().__init__("gateway", "This gateway is being stopped; the job itself goes on.")


class OutOfSight(Unavailable):
    """The log holds the prompt, and its job goes on; what becomes of it cannot be seen just now."""

    def __init__(self, error: Unavailable, prompt: PromptSubmitted) -> None:
        message = f"{error}. The prompt was accepted as job {prompt.job_id}: GET /v1/jobs/{prompt.job_id} tells of it."
        super().__init__(error.part, message, after_s=error.after_s)
        self.job_id = prompt.job_id
        self.may_repeat = prompt.idempotency_key is not None


def once_held(error: Unavailable, prompt: PromptSubmitted) -> Unavailable:
    """The same error, now that the log holds the prompt: a part that is away hides its job, and takes nothing back."""
    return error if isinstance(error, Stopping | OutOfSight) else OutOfSight(error, prompt)


def bad_value(message: str, param: str | None = None) -> Problem:
    """A value is missing or wrong."""
    return Problem(400, message, param=param)


def unread_encoding() -> Problem:
    """The body is packed in a way that we do not unpack."""
    message = "Content-Encoding must be gzip, deflate or identity, and stand once."
    headers = {"Accept-Encoding": "gzip, deflate"}
    return Problem(415, message, param="Content-Encoding", code="unsupported_encoding", headers=headers)


def wrongly_packed() -> Problem:
    """The body cannot be unpacked, or breaks off; where the next request begins, nobody knows."""
    message = "The body is not what its Content-Encoding says."
    return Problem(400, message, headers={"Connection": "close"})


def wrong_key(message: str) -> Problem:
    """No key, or none that we know."""
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(401, message, type=AUTHENTICATION, code="invalid_api_key", headers=headers)


def forbidden(message: str) -> Problem:
    """The key is good, and may not do this."""
    return Problem(403, message, type=PERMISSION, code="missing_scope")


def no_model(name: str) -> Problem:
    """The model is not served here, or not to this key."""
    message = f"The model {name[:100]!r} does not exist or is not served here."
    return not_found(message, param="model", code=MODEL_NOT_FOUND)


def no_embeddings() -> Problem:
    """No model of embeddings is served here, so that none can be asked by the lines of a batch."""
    return not_found("No model of embeddings is served here.", param="endpoint", code=MODEL_NOT_FOUND)


def not_found(message: str, *, param: str | None = None, code: str | None = "not_found") -> Problem:
    """There is no such thing, or it belongs to somebody else."""
    return Problem(404, message, param=param, code=code)


def gone(message: str) -> Problem:
    """There was such a thing, maybe; it is no longer kept."""
    return Problem(410, message, code="gone")


def conflict(message: str, code: str) -> Problem:
    """The thing is in a state that does not allow this."""
    return Problem(409, message, code=code)


def conversation_full() -> Problem:
    """Nothing more is kept of a conversation; to try again is of no use."""
    message = "This conversation holds as much as one may. Nothing of it is lost; go on in another one."
    return Problem(409, message, param="conversation", code="conversation_full", headers=_NO_RETRY)


def other_payload() -> Problem:
    """An idempotency key came back with another body."""
    message = "This Idempotency-Key was used with a different body before."
    return Problem(422, message, param="Idempotency-Key", code="idempotency_key_reused", headers=_NO_RETRY)


def limited(message: str, after_s: float) -> Problem:
    """The key's own limit is reached."""
    headers = {"Retry-After": whole_seconds(after_s)}
    return Problem(429, message, type=RATE_LIMIT, code="rate_limit_exceeded", headers=headers)


def spent(message: str, at_ms: float) -> Problem:
    """The budget of the day that a moment lies in is used up: to try again sooner than the next one is of no use."""
    until_ms = day_ends_ms(at_ms)
    return Problem(429, message, type=RATE_LIMIT, code="insufficient_quota", headers=_NO_RETRY, until_ms=until_ms)


def too_large_for_limit(message: str, whole_after_s: float) -> Problem:
    """However long its sender waits, a limit will not let this in; as much as it ever does, once it is whole again."""
    headers = {"Retry-After": whole_seconds(whole_after_s)} | _NO_RETRY
    return Problem(429, message, type=RATE_LIMIT, code="rate_limit_exceeded", headers=headers)


def unavailable(message: str, after_s: float = 1.0) -> Problem:
    """A part we depend on does not answer, or is not ready."""
    headers = {"Retry-After": whole_seconds(after_s)}
    told = message[:1].upper() + message[1:]  # a part that does not answer says why as the rest of a sentence
    return Problem(503, told, type=SERVER, code="unavailable", headers=headers)


def overloaded(after_s: float) -> Problem:
    """More waits than would be answered in time; whoever may enter after so long comes back by then."""
    message = "More prompts wait than would be answered in time. Nothing was accepted; try again later."
    headers = {"Retry-After": whole_seconds(min(after_s, _MOST_PATIENCE_S))}
    return Problem(503, message, type=SERVER, code="overloaded", headers=headers)


def deadline_too_close(wait_s: float) -> Problem:
    """So long is the wait that the deadline would pass in the queue; to send the same again is of no use."""
    wait = whole_seconds(wait_s)
    message = f"The deadline cannot be met: prompts of this lane wait for about {wait} seconds now."
    headers = {"Retry-After": whole_seconds(min(wait_s, _MOST_PATIENCE_S))} | _NO_RETRY
    return Problem(503, message, type=SERVER, param="deadline", code="deadline_too_close", headers=headers)


def whole_seconds(seconds: float) -> str:
    """Seconds as `Retry-After` wants them: whole, at least one."""
    return str(max(1, math.ceil(seconds)))


# What a job's error means to a client that waits for it, by its code or else its type.
_OF_JOB: dict[str, int] = {
    "cancelled": 409,
    "too_large": 413,
    "deadline_exceeded": 504,
    "overloaded": 503,
    "model_overloaded": 503,
    "model_unreachable": 503,
    INVALID: 400,
    RATE_LIMIT: 429,
    SERVER: 500,
}


_HEADERS_OF_JOB: dict[int, dict[str, str]] = {
    409: _NO_RETRY,
    429: {"Retry-After": whole_seconds(WINDOW_MS / 1000)} | _NO_RETRY,
    503: {"Retry-After": "1"},
    504: _NO_RETRY,
}


def of_job(error: JobError, prompt: PromptSubmitted) -> Problem:
    """A job that ended without an answer, told to the client that waited for it."""
    if error.code == "insufficient_quota":
        return spent(error.message, prompt.received_ms)
    status = _OF_JOB.get(error.code or "", _OF_JOB.get(error.type, 500))
    headers = _HEADERS_OF_JOB.get(status, {})
    return Problem(status, error.message, type=error.type, param=error.param, code=error.code, headers=headers)


def must_be_there(found: JobRecord | NoJob) -> JobRecord:
    """The job that was found.

    Raises:
        Problem: there is none.
    """
    if isinstance(found, JobRecord):
        return found
    raise of_no_job(found)


def of_no_job(why: NoJob) -> Problem:
    """What to say where there is no job."""
    match why:
        case GivenUp():
            return unavailable("The prompt did not reach the log in time. Nothing was promised; try again.")
        case Deleted():
            return not_found("What the first request with this Idempotency-Key made was deleted.")
        case Unknown(job_id=job_id):
            return not_found(f"There is no job {job_id[:100]!r}.")
        case NoLongerKept():
            return gone("Jobs of that time are no longer kept.")


def of(error: Exception) -> Problem:
    """What to say of any error at all."""
    match error:
        case Problem():
            return error
        case web.HTTPException():
            return _of_aiohttp(error)
        case web.RequestPayloadError():
            return wrongly_packed()
        case WrongField(field=field, code=code):
            return Problem(404 if code == MODEL_NOT_FOUND else 400, str(error), param=field, code=code)
        case TooLarge():
            return Problem(413, "What this request asks for does not fit into one record of the log.", code="too_large")
        case Stopping():
            headers = {"Retry-After": "1"}
            return Problem(503, str(error), type=SERVER, code="gateway_stopping", headers=headers)
        case OutOfSight(job_id=job_id, may_repeat=may_repeat):
            problem = unavailable(str(error), error.after_s)
            problem.headers |= {"x-job-id": job_id} | ({} if may_repeat else _NO_RETRY)
            return problem
        case TryAgain():
            return unavailable(f"{error}. Nothing was promised; try again.", error.after_s)
        case _:
            return Problem(500, "Something went wrong on our side.", type=SERVER, code="internal_error")


def _of_aiohttp(error: web.HTTPException) -> Problem:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            message = f"{error.method} is not allowed here; allowed: {allowed}."
            return Problem(405, message, code="method_not_allowed", headers={"Allow": allowed})
        case web.HTTPNotFound():
            return not_found("There is nothing at this URL.", code="unknown_url")
        case web.HTTPRequestEntityTooLarge():
            return Problem(413, "The body is larger than this server accepts.", code="body_too_large")
        case _ if error.status < 500:
            return Problem(error.status, HTTPStatus(error.status).phrase)
        case _:
            return Problem(error.status, HTTPStatus(error.status).phrase, type=SERVER)
