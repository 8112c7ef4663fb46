"""Why there is no job to tell of, as values to decide by; `http.problems` alone says what each is over HTTP."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GivenUp:
    """The log did not get its prompt in time, so that nothing of it was kept: the same prompt again is a new job."""


@dataclass(frozen=True)
class Deleted:
    """What the first request under an idempotency key made is no more."""


@dataclass(frozen=True)
class Unknown:
    """There is none of that id, or it is somebody else's."""

    job_id: str


@dataclass(frozen=True)
class NoLongerKept:
    """Its id is from before everything that is kept."""


NoJob = GivenUp | Deleted | Unknown | NoLongerKept
