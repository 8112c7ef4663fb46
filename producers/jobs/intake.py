"""The gateway's steps: accept a prompt, note the broker's acknowledgement, stop a job; and count other requests."""

from dataclasses import dataclass, field
from typing import Literal

from producers import codec
from producers.events import PromptSubmitted, Terminal
from producers.jobs.record import Retention, describe
from producers.jobs.scripts import Scripts
from producers.jobs.view import PARTITIONS


@dataclass(frozen=True)
class Quota:
    """What a key may do: requests a minute, and jobs in flight at once."""

    requests_per_minute: int
    jobs_in_flight: int


@dataclass(frozen=True)
class QuotaLeft:
    """How much of its quota a key has left; resets are in ms from now. Jobs are told to submits only."""

    requests_left: int
    requests_full_in_ms: float
    next_request_in_ms: float
    jobs_in_flight: int | None = None


@dataclass(frozen=True)
class Accepted:
    """The job is `accepting`: publish its prompt, then acknowledge."""

    job_id: str
    quota_left: QuotaLeft


@dataclass(frozen=True)
class Again:
    """The same idempotency key and payload as before: this is its job."""

    job_id: str
    quota_left: QuotaLeft | None = field(default=None, compare=False)


@dataclass(frozen=True)
class OverQuota:
    """The key's own limit is reached."""

    by: Literal["requests", "jobs"]
    quota_left: QuotaLeft


@dataclass(frozen=True)
class NotAccepted:
    """Nothing was done; `lane` is where the conversation is pinned when that is the reason."""

    reason: Literal["rebuilding", "other_payload", "no_conversation", "not_last", "lane"]
    lane: str = ""
    quota_left: QuotaLeft | None = field(default=None, compare=False)


@dataclass(frozen=True)
class StopFound:
    """What `stop` found: `finishing` carries the ending that is now to be published and settled."""

    found: Literal["unknown", "ended", "ending", "running", "finishing"]


class Intake:
    """Steps 1 and 3 of a job's life, and its early end."""

    def __init__(self, scripts: Scripts, retention: Retention) -> None:
        self._scripts = scripts
        self._retention = retention

    async def accept(self, prompt: PromptSubmitted, quota: Quota) -> Accepted | Again | OverQuota | NotAccepted:
        """Step 1: one atomic script from idempotency key to job `accepting`, limits reserved.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict, *rest = await self._scripts.run(
            "accept", prompt.job_id, PARTITIONS, quota.requests_per_minute, quota.jobs_in_flight,
            describe(prompt, self._retention),
        )  # fmt: skip
        match verdict.decode():
            case "accepted":
                return Accepted(rest[0].decode(), _quota_left(rest[1:]))
            case "again":
                return Again(rest[0].decode(), _quota_left(rest[1:]))
            case "limited":
                return OverQuota(rest[0].decode(), _quota_left(rest[1:]))
            case "lane":
                return NotAccepted("lane", rest[0].decode(), _quota_left(rest[1:]))
            case reason:
                return NotAccepted(reason, quota_left=_quota_left(rest))

    async def count(self, bucket: str, requests_per_minute: int) -> QuotaLeft | OverQuota:
        """Count a request that is no submit against a budget; over it, nothing is counted.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict, *rest = await self._scripts.run("count_request", bucket, requests_per_minute)
        quota_left = _quota_left(rest)
        return quota_left if verdict == b"counted" else OverQuota("requests", quota_left)

    async def acknowledge(self, job_id: str) -> str | None:
        """Step 3: the log holds the prompt; the job's state after it (None where it is unknown).

        `dropped` where the job was aborted before: nobody will run it.

        Raises:
            Unavailable: Redis does not answer.
        """
        state = await self._scripts.run("acknowledge", job_id)
        return None if state is None else str(state.decode())

    async def stop(self, job_id: str, ending: Terminal, *, running_too: bool) -> StopFound:
        """End a job that has not started with this ending; with `running_too`, ask a running one to stop.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict = await self._scripts.run("stop", job_id, codec.encode(ending), "1" if running_too else "0")
        return StopFound(verdict[0].decode())

    async def abort(self, job_id: str, older_than_ms: int) -> bool:
        """Give back what an `accepting` job had reserved that the log never got; True if it was one.

        Raises:
            Unavailable: Redis does not answer.
        """
        return bool(await self._scripts.run("abort", job_id, older_than_ms, PARTITIONS))


def _quota_left(numbers: list[bytes]) -> QuotaLeft:
    left, full_ms, next_ms, *running = numbers
    return QuotaLeft(int(left), float(full_ms), float(next_ms), *map(int, running))
