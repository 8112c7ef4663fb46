"""The gateway's steps: accept a prompt, note the broker's acknowledgement, stop a job; and count other requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from producers.events import Lane, Limits, PromptSubmitted, Terminal
from producers.jobs.record import describe
from producers.limits import standing
from producers.limits.standing import Limit, Standing, Stands
from producers.log import codec
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from producers.state.view import PARTITIONS, being_rebuilt

NO_LIMITS = Limits()
MOST_CONVERSATION_BYTES = 64_000_000
HELD_FOR_MS = 15 * 60_000
"""How long embeddings may take before what is held back for them returns by itself."""


@dataclass(frozen=True)
class Accepted:
    """The job is `accepting`: publish its prompt, then acknowledge. But with an `earlier` answer it has ended."""

    job_id: str
    stands: Stands
    earlier: bytes | None = None
    """What the answer cache holds for its prompt: publish that as its ending, then settle it."""


@dataclass(frozen=True)
class MayEnter:
    """Nothing speaks against the prompt so far; its request is counted, and there is no job of it."""

    stands: Stands


@dataclass(frozen=True)
class Again:
    """The same idempotency key and payload as before: this is its job."""

    job_id: str
    stands: Stands | None = field(default=None, compare=False)


@dataclass(frozen=True)
class OverQuota:
    """A limit of the key is reached, or of its tenant."""

    by: Limit
    whose: Literal["key", "tenant"]
    stands: Stands
    tokens: int = 0
    """What the prompt would have held back, with the history of its conversation."""

    @property
    def standing(self) -> Standing:
        """How the one stands whose limit it is."""
        return self.stands.key if self.whose == "key" else self.stands.tenant


@dataclass(frozen=True)
class NotAccepted:
    """Nothing was done; `lane` is where the conversation is pinned when that is the reason.

    `overloaded`: the wait would be longer than the longest by `wait_s`; `too_late`: it would be that long, and end
    after the deadline.
    """

    reason: Literal[
        "rebuilding", "other_payload", "no_conversation", "not_last", "not_cached", "full", "lane", "overloaded",
        "too_late",
    ]  # fmt: skip
    lane: str = ""
    wait_s: float = 0.0
    stands: Stands | None = field(default=None, compare=False)


@dataclass(frozen=True)
class StopFound:
    """What `stop` found: `finishing` carries the ending that is now to be published and settled."""

    found: Literal["unknown", "ended", "ending", "running", "finishing", "read", "shown"]


class Intake:
    """Steps 1 and 3 of a job's life, and its early end."""

    def __init__(
        self,
        scripts: Scripts,
        retention: Retention,
        conversation_bytes: int = MOST_CONVERSATION_BYTES,
        longest_wait_s: Mapping[Lane, float] | None = None,
    ) -> None:
        self._scripts = scripts
        self._retention = retention
        self._conversation_bytes = conversation_bytes
        self._longest_wait_s = longest_wait_s or {}

    async def ask(
        self,
        prompt: PromptSubmitted,
        limits: Limits,
        *,
        of_tenant: Limits = NO_LIMITS,
        cache_key: str = "",
    ) -> MayEnter | Again | OverQuota | NotAccepted:
        """What `accept` would say now; the request is counted, so accept it as one that was `asked` about.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict = await self._entered(prompt, (limits, of_tenant), 0, cache_key, 0, "ask")
        assert not isinstance(verdict, Accepted)  # noqa: S101 # the script makes no job of what it is only asked about
        return verdict

    async def accept(
        self,
        prompt: PromptSubmitted,
        limits: Limits,
        unread_ms: int = 0,
        *,
        of_tenant: Limits = NO_LIMITS,
        cache_key: str = "",
        at_once: bool = False,
        asked: bool = False,
    ) -> Accepted | Again | OverQuota | NotAccepted:
        """Step 1: one atomic script from idempotency key to job `accepting`, limits reserved.

        With `unread_ms` the job is given up once nobody has read it for so long; with `cache_key` an earlier answer is
        looked up on the way, and without one there is no job of a prompt that wants nothing else. It is the job's from
        here on, whatever becomes of us, and visible if it is told `at_once`: the reaper publishes it where we do not.

        Raises:
            Unavailable: Redis does not answer.
        """
        verdict = await self._entered(
            prompt, (limits, of_tenant), unread_ms, cache_key, int(at_once), "asked" if asked else ""
        )
        assert not isinstance(verdict, MayEnter)  # noqa: S101 # said to who asks only
        return verdict

    async def _entered(
        self,
        prompt: PromptSubmitted,
        limits: tuple[Limits, Limits],
        unread_ms: int,
        cache_key: str,
        at_once: int,
        step: Literal["", "ask", "asked"],
    ) -> Accepted | MayEnter | Again | OverQuota | NotAccepted:
        (key, tenant), cached_only = limits, prompt.cache == "only" and cache_key != ""
        verdict, *rest, packed = await self._scripts.run(
            "accept", prompt.job_id, PARTITIONS, standing.held(prompt.key_id, key, prompt.tenant, tenant),
            describe(prompt, self._retention), unread_ms, cache_key, at_once, int(cached_only), step,
            self._conversation_bytes, f"{self._longest_wait_s.get(prompt.lane, 0.0) * 1000:.0f}",
        )  # fmt: skip
        stands = standing.told(packed)
        match verdict.decode():
            case "accepted":
                return Accepted(rest[0].decode(), stands, rest[1])
            case "may_enter":
                return MayEnter(stands)
            case "again":
                return Again(rest[0].decode(), stands)
            case "limited":
                return OverQuota(rest[0].decode(), "key" if rest[1] == 1 else "tenant", stands, int(rest[2]))
            case "lane":
                return NotAccepted("lane", rest[0].decode(), stands=stands)
            case "overloaded" | "too_late" as reason:
                return NotAccepted(reason, wait_s=float(rest[0]) / 1000, stands=stands)
            case reason:
                return NotAccepted(reason, stands=stands)

    async def count(self, buckets: tuple[str, str], key: Limits, tenant: Limits = NO_LIMITS) -> Stands | OverQuota:
        """Count a request that is no submit against the buckets of a key and its tenant; over one, nothing is counted.

        Raises:
            Unavailable: Redis does not answer.
        """
        quotas = [(name, of.requests_per_minute) for name, of in zip(buckets, (key, tenant), strict=True)]
        packed = msgspec.msgpack.encode([each for each in quotas if each[1] is not None])
        verdict, levels = await self._scripts.run("count_request", packed)
        stands = standing.counted((key, tenant), levels)
        if verdict == b"counted":
            return stands
        spent = stands.key.requests is not None and stands.key.requests.left < 1
        return OverQuota("requests", "key" if spent else "tenant", stands)

    async def hold_tokens(
        self,
        embeddings_id: str,
        whose: tuple[str, str],
        tokens: int,
        key: Limits,
        tenant: Limits,
        for_ms: int = HELD_FOR_MS,
    ) -> Stands | OverQuota:
        """Hold back so many tokens in all for embeddings of a key and its tenant, if both have so many left.

        What is too much returns. Twice is once. After `for_ms` all returns by itself, unless the log told of them.

        Raises:
            Unavailable: Redis does not answer, or does not know yet what was used today.
        """
        key_id, tenant_id = whose
        packed = standing.held(key_id, key, tenant_id, tenant)
        told = await self._scripts.run(
            "hold_tokens", embeddings_id, packed, tokens, key_id, tenant_id, for_ms, PARTITIONS
        )
        if told[0] == b"rebuilding":
            raise being_rebuilt()
        return _held(told, tokens)

    async def make_again(self, whose: tuple[str, str], tokens: int, key: Limits, tenant: Limits) -> Stands | OverQuota:
        """Take so many tokens of a minute for embeddings that were paid for; no day is charged for them again.

        Over the day's limit is who has so many made again in it. Fewer than none return what was taken.

        Raises:
            Unavailable: Redis does not answer.
        """
        key_id, tenant_id = whose
        packed = standing.held(key_id, key, tenant_id, tenant)
        return _held(await self._scripts.run("make_again", packed, tokens), tokens)

    async def give_back_tokens(self, embeddings_id: str) -> None:
        """Return what is held back for embeddings that nobody gets; what the log tells of all the same is charged.

        Raises:
            Unavailable: Redis does not answer: it returns later, by itself.
        """
        await self._scripts.run("give_back_tokens", embeddings_id)

    async def give_back_lapsed(self) -> int:
        """Return what is held back for embeddings whose gateway died; of how many, of a hundred at most.

        Raises:
            Unavailable: Redis does not answer.
        """
        return int(await self._scripts.run("give_back_tokens", ""))

    async def acknowledge(self, job_id: str, conversation: str | None = None, place: int = 0) -> str | None:
        """Step 3: the log holds the prompt, a turn's at this place; the job's state after it (None: it is unknown).

        `dropped` where the job was aborted before: nobody will run it.

        Raises:
            Unavailable: Redis does not answer.
        """
        state = await self._scripts.run("acknowledge", job_id, conversation or "", place)
        return None if state is None else str(state.decode())

    async def stop(
        self,
        job_id: str,
        ending: Terminal,
        *,
        running_too: bool,
        if_unread: bool = False,
        shown_tokens: int | None = None,
    ) -> StopFound:
        """End a job that nobody runs with this ending; with `running_too`, ask a running one to stop.

        With `if_unread` only where nobody reads it: `read` says that somebody does, or that it needs no reader.
        `shown_tokens` are those of the text that the ending tells; `shown` says that readers have seen others.

        Raises:
            Unavailable: Redis does not answer.
        """
        how = "1" if running_too else "0", "1" if if_unread else "0"
        seen = "" if shown_tokens is None else shown_tokens
        verdict = await self._scripts.run("stop", job_id, codec.encode(ending), *how, seen)
        return StopFound(verdict[0].decode())

    async def expect(self, job_id: str) -> None:
        """Have an `accepting` job waited for anew, before its prompt is sent once more.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self._scripts.run("expect", job_id)

    async def abort(self, job_id: str, older_than_ms: int) -> bool:
        """Give back what an `accepting` job had reserved that the log never got; True if it was one.

        Raises:
            Unavailable: Redis does not answer.
        """
        return bool(await self._scripts.run("abort", job_id, older_than_ms, PARTITIONS))


def _held(told: Sequence[Any], tokens: int) -> Stands | OverQuota:
    verdict, whose, left = told
    stands = standing.told(left)
    if verdict == b"held":
        return stands
    return OverQuota(verdict.decode(), "key" if whose == 1 else "tenant", stands, tokens)
