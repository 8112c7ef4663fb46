"""The worker's steps: claim a job under a lease, renew it, show text, finish."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from producers.events import PromptSubmitted, Terminal
from producers.jobs import live
from producers.jobs.live import Piece
from producers.jobs.record import describe
from producers.log import codec
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from producers.state.view import PARTITIONS

LEASE_MS = 10_000
RENEW_EVERY_S = 3.0
MOST_CLAIMS = 5
"""The claim after so many that ended with their workers buries the job; one that was given back is not counted."""

Whose = Literal["key", "tenant"]
Kept = Literal["kept", "cancelled", "expired", "lost"]


@dataclass(frozen=True)
class Tried:
    """How often model servers have failed a job so far, and what went wrong the first time and the last."""

    times: int = 0
    first_error: str = ""
    last_error: str = ""

    def once_more(self, error: str) -> "Tried":
        """They failed it again."""
        return Tried(self.times + 1, self.first_error or error, error)


@dataclass(frozen=True)
class Lease:
    """A job is ours while `token` is the newest. `verdict` says what to do with it; `times` are ms, by step.

    Where an attempt before this one was cut off with its worker, nobody has counted what it took: `uncounted_tokens` is
    what is held back for the job.
    """

    job_id: str
    verdict: Literal["claimed", "poison", "cancelled", "expired", "deleted"]
    attempt: int
    token: str
    times: dict[str, float]
    uncounted_tokens: int | None = None
    is_read: bool = True
    """Whether somebody reads the job's stream already."""
    tried: Tried = Tried()
    shown_tokens: int | None = None
    """How many tokens of the answer readers have seen by an attempt before this one; None where they have seen none."""


class Shown(NamedTuple):
    """What became of a showing: whether the job is still ours, and whether anybody reads it."""

    kept: Kept
    is_read: bool


@dataclass(frozen=True)
class Parked:
    """Not now: look again after so many seconds."""

    reason: Literal["rebuilding", "held", "behind", "put_back"]
    after_s: float


@dataclass(frozen=True)
class Finishing:
    """The ending is stored and must now be published and settled."""

    ending: Terminal


@dataclass(frozen=True)
class Published:
    """The end of this job is visible already."""


@dataclass(frozen=True)
class Gone:
    """The job was aborted before the log held it: a late record. Its end is to be published and settled."""


@dataclass(frozen=True)
class Short:
    """No room for what a job turned out to need; a minute's is held, and made good after `after_s` (None: never)."""

    by: Literal["day", "tokens"]
    whose: Whose
    after_s: float | None = None


@dataclass(frozen=True)
class Lost:
    """Somebody else holds a newer token."""


class Leases:
    """Steps 4 to 6 of a job's life, for one worker."""

    def __init__(self, scripts: Scripts, retention: Retention, worker: str, lease_ms: int = LEASE_MS) -> None:
        self._scripts = scripts
        self._retention = retention
        self.worker = worker
        self._lease_ms = lease_ms

    async def claim(
        self, prompt: PromptSubmitted, place: int, nonce: str = ""
    ) -> Lease | Parked | Finishing | Published | Gone:
        """Step 4; `place` is the prompt's offset, which orders the turns of a conversation.

        Who asks again with the same `nonce`, because the answer was lost, is given the same lease: no new attempt.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict, *rest = await self._scripts.run(
            "claim", prompt.job_id, PARTITIONS, self.worker, self._lease_ms, MOST_CLAIMS,
            prompt.conversation or "", place, describe(prompt, self._retention), nonce,
        )  # fmt: skip
        match verdict.decode():
            case "published":
                return Published()
            case "gone":
                return Gone()
            case "finishing":
                return Finishing(codec.decode_as(Terminal, rest[0]))
            case "held":
                return Parked("held", float(rest[0]) / 1000)
            case "rebuilding" | "behind" as reason:
                return Parked(reason, 0.25)
            case "later":
                return Parked("put_back", float(rest[0]) / 1000)
            case granted:
                steps = ("received", "accepted", "acknowledged", "claimed", "started", "first_token")
                times = {step: float(at) for step, at in zip(steps, rest[8:], strict=True) if at}
                uncounted = int(rest[2]) if rest[2] else None
                tried = Tried(int(rest[4] or 0), rest[5].decode(), rest[6].decode())
                shown = int(rest[7]) if rest[7] else None
                return Lease(
                    prompt.job_id, granted, int(rest[0]), rest[1].decode(), times, uncounted, rest[3] > 0, tried, shown
                )

    async def renew(self, leases: list[Lease]) -> list[Kept]:
        """Renew all at once; what is to become of each.

        Raises:
            Unavailable: Redis does not answer.
        """
        pairs = [part for lease in leases for part in (lease.job_id, lease.token)]
        return [each.decode() for each in await self._scripts.run("renew", self._lease_ms, *pairs)]

    async def release(self, lease: Lease) -> None:
        """Give a job back that was not finished: the next worker may claim it at once. Twice is once.

        Raises:
            Unavailable: Redis does not answer; the lease lapses anyway.
        """
        await self._scripts.run("release", lease.job_id, lease.token)

    async def put_back(self, lease: Lease, after_s: float = 0.0, tried: Tried | None = None) -> Kept:
        """Put a job that cannot be answered now back into the queue, if it is still wanted: `kept` says so.

        Nobody claims it before `after_s`, whatever becomes of this worker; `tried` is kept with it until its end.

        Raises:
            Unavailable: Redis does not answer; asked again, what was put back is `lost`.
        """
        tried = tried or lease.tried
        kept: Kept = (
            await self._scripts.run(
                "put_back", lease.job_id, lease.token, f"{after_s * 1000:.0f}", tried.times, tried.first_error,
                tried.last_error,
            )
        ).decode()  # fmt: skip
        return kept

    async def hold_back(self, job_id: str, tokens: int) -> Short | None:
        """Hold back so many tokens in all for a running job; nothing is taken where they will not fit. Twice is once.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict, *rest = await self._scripts.run("hold_back", job_id, tokens)
        if verdict == b"held":
            return None
        whose: Whose = "key" if rest[0] == 1 else "tenant"
        if verdict == b"day":
            return Short("day", whose)
        return Short("tokens", whose, float(rest[1]) / 1000 if verdict == b"tokens" else None)

    async def show(self, lease: Lease, pieces: Sequence[Piece], *, tokens: int = 0, snapshot: bool = False) -> Shown:
        """Step 5: show readers the next pieces, or (`snapshot`) all so far in place of what they have.

        `tokens` is how many tokens of the answer they have seen by then, all attempts together.

        Raises:
            Unavailable: Redis does not answer.
        """
        entries = _told(pieces, snapshot)
        kept, readers = await self._scripts.run("show", lease.job_id, lease.token, tokens, *entries)
        return Shown(kept.decode(), readers > 0)

    async def finish(
        self, lease: Lease, ending: Terminal, rest: Sequence[Piece] = (), *, snapshot: bool = False
    ) -> Finishing | Published | Lost:
        """Step 6: show the rest of the answer and store the ending, once; the one stored first is to be published.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict, *stored = await self._scripts.run(
            "finish", lease.job_id, lease.token, codec.encode(ending), *_told(rest, snapshot)
        )
        match verdict.decode():
            case "finishing":
                return Finishing(codec.decode_as(Terminal, stored[0]) if stored else ending)
            case "published":
                return Published()
            case _:
                return Lost()


def _told(pieces: Sequence[Piece], snapshot: bool) -> list[str]:
    return [part for entry in live.told(pieces, snapshot=snapshot) for part in entry]
