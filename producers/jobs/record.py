"""A job as it stands: read from its hash in Redis, inner states and all."""

from dataclasses import dataclass
from typing import Any

import msgspec

from producers import codec
from producers.events import PromptSubmitted, Terminal
from producers.jobs.scripts import Scripts, asked

ENDED = frozenset({"completed", "failed", "cancelled", "aborted", "expired"})
STEPS = ("received", "accepted", "acknowledged", "claimed", "first_token", "finished", "published", "visible")
"""The steps of a job's life whose times are kept with it, in order."""
IDEMPOTENCY_MS = 24 * 3_600_000
"""How long an Idempotency-Key gives the same job; the chat page is told it, and tests hold the documents to it."""


@dataclass(frozen=True)
class JobRecord:
    """One job. `times` are ms since the epoch, by step (`STEPS`), and `started` for the first claim.

    `seq` is the number of the last entry of its token stream: of its `done`, once it has ended.
    """

    job_id: str
    state: str
    prompt: PromptSubmitted
    ending: Terminal | None
    attempt: int
    cancelling: bool
    times: dict[str, float]
    seq: int = 0

    @property
    def ended(self) -> bool:
        """Whether its end is visible."""
        return self.state in ENDED

    @property
    def status(self) -> str:
        """The state as clients see it (conventions §8)."""
        match self.state:
            case "accepting" | "queued":
                return "queued"
            case "running" | "finishing":
                return "cancelling" if self.cancelling else "running"
            case ended:
                return ended


async def read(scripts: Scripts, job_id: str) -> JobRecord | None:
    """The job, or None where Redis knows none of that id.

    Raises:
        Unavailable: Redis does not answer.
    """
    fields = await asked(scripts.redis.hgetall(f"{scripts.prefix}job:{job_id}"))
    return parse(job_id, fields) if fields else None


def parse(job_id: str, fields: dict[bytes, bytes]) -> JobRecord | None:
    """The job that a hash in Redis tells; None where the hash is but a fragment."""
    state = fields.get(b"state", b"").decode()
    ending: Any = None
    if b"ending" in fields:
        ending = codec.decode_as(Terminal, fields[b"ending"])
    if b"prompt" in fields:
        prompt = codec.decode_as(PromptSubmitted, fields[b"prompt"])
    elif ending is not None:
        prompt = ending.prompt
    else:
        return None
    times = {
        step: float(fields[f"{step}_ms".encode()]) for step in (*STEPS, "started") if fields.get(f"{step}_ms".encode())
    }
    return JobRecord(
        job_id=job_id,
        state=state,
        prompt=prompt,
        ending=ending,
        attempt=int(fields.get(b"attempt", b"0")),
        cancelling=b"cancel" in fields,
        times=times,
        seq=int(fields.get(b"seq", b"0")),
    )


def describe(
    prompt: PromptSubmitted, policy: "Retention", ending: Terminal | None = None, published_ms: float | None = None
) -> bytes:
    """From what a script makes the job, where Redis has lost it or never knew it: MessagePack, one argument of many."""
    idempotency = f"{prompt.tenant}:{prompt.route}:{prompt.idempotency_key}" if prompt.idempotency_key else ""
    # Text only: Redis' reader of MessagePack knows no bytes.
    described: dict[str, str] = {
        "tenant": prompt.tenant,
        "key_id": prompt.key_id,
        "lane": prompt.lane,
        "model": prompt.model,
        "conversation": prompt.conversation or "",
        "replaces": prompt.replaces or "",
        "deadline_ms": "" if prompt.deadline_ms is None else f"{prompt.deadline_ms:.3f}",
        "received_ms": f"{prompt.received_ms:.3f}",
        "idempotency": idempotency,
        "fingerprint": prompt.fingerprint,
        "job_ttl_ms": str(policy.job_ms),
        "idempotency_ttl_ms": str(policy.idempotency_ms),
    }
    if ending is None:
        described["prompt"] = codec.encode(prompt).decode()
    else:
        described |= {f"time_{step}_ms": f"{at_ms:.3f}" for step, at_ms in ending.timeline.items()}
    if published_ms is not None:
        described["published_ms"] = f"{published_ms:.3f}"
    return msgspec.msgpack.encode(described)


@dataclass(frozen=True)
class Retention:
    """How long a job, its token stream and its idempotency key are kept, in ms."""

    job_ms: int = 30 * 86_400_000
    idempotency_ms: int = IDEMPOTENCY_MS
    tokens_ms: int = 3_600_000
