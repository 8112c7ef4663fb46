"""A job as it stands: read from its hash in Redis, inner states and all."""

from dataclasses import dataclass
from typing import Any

import msgspec

from producers.answers import cache_policy
from producers.events import AnswerCompleted, AnswerFailed, CompletionUpdated, PromptSubmitted, Terminal, status_of
from producers.idempotency import naming
from producers.limits import spending
from producers.log import codec
from producers.state.retention import Retention
from producers.state.scripts import Scripts

ENDED = frozenset({"completed", "failed", "cancelled", "aborted", "expired"})
STATUSES = ("queued", "running", "cancelling", "completed", "failed", "cancelled", "aborted", "expired")
"""What clients see of a state (conventions §8)."""
STEPS = ("received", "accepted", "acknowledged", "claimed", "first_token", "finished", "published", "visible")
"""The steps of a job's life whose times are kept with it, in order."""
MAY_PASS = frozenset({"model_unreachable", "model_overloaded"})
"""Codes of failures that another job may be spared."""


@dataclass(frozen=True)
class JobRecord:
    """One job. `times` are ms since the epoch, by step (`STEPS`), and `started` for the first claim.

    The prompt bears the metadata that it has by now. `seq` is the number of the last entry of its token stream: of its
    `done`, once it has ended, also where that is yet to be said. `last_event` is the greatest number under which the
    last event of its response was told.
    """

    job_id: str
    state: str
    prompt: PromptSubmitted
    ending: Terminal | None
    attempt: int
    cancelling: bool
    times: dict[str, float]
    seq: int = 0
    last_event: int | None = None
    shown_tokens: int | None = None
    """How many tokens of the answer readers have seen before its end; None where they have seen none."""

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
    fields = await scripts.ask("HGETALL", f"{scripts.prefix}job:{job_id}")
    return parse(job_id, fields) if fields else None


async def stands(scripts: Scripts, job_id: str) -> tuple[bool, int]:
    """Whether the job's end is visible, and its `seq`: without its prompt and its answer, which may be large.

    Raises:
        Unavailable: Redis does not answer.
    """
    state, seq = await scripts.ask("HMGET", f"{scripts.prefix}job:{job_id}", "state", "seq")
    return (state or b"").decode() in ENDED, int(seq or 0)


async def update(scripts: Scripts, event: CompletionUpdated, offset: int, retention: "Retention") -> None:
    """Show the metadata that the log holds at this offset, unless it holds later ones; twice is once.

    Raises:
        Unavailable: Redis does not answer.
    """
    metadata = msgspec.json.encode(event.metadata)
    await scripts.run("update_job", event.job_id, metadata, offset, retention.job_ms)


async def note_last_event(scripts: Scripts, job_id: str, number: int) -> None:
    """Keep the number under which a reader is told the last event of a response's stream, unless a greater one is kept.

    Raises:
        Unavailable: Redis does not answer.
    """
    await scripts.run("note_last_event", job_id, number)


async def forget(scripts: Scripts, job_id: str, retention: "Retention") -> None:
    """Forget an ended job whose deletion the log holds; twice is once.

    Raises:
        Unavailable: Redis does not answer.
    """
    await scripts.run("forget_job", job_id, retention.job_ms)


def parse(job_id: str, fields: dict[bytes, bytes]) -> JobRecord | None:
    """The job that a hash in Redis tells; None where the hash is but a fragment, or the job is to be forgotten."""
    if b"forgotten" in fields:
        return None
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
    if b"metadata_now" in fields:
        metadata = msgspec.json.decode(fields[b"metadata_now"], type=dict[str, str])
        prompt = msgspec.structs.replace(prompt, metadata=metadata)
    times = {
        step: float(fields[f"{step}_ms".encode()]) for step in (*STEPS, "started") if fields.get(f"{step}_ms".encode())
    }
    if ending is None and b"hit" in fields:
        ending = cache_policy.as_answer_to(prompt, fields[b"hit"], times["finished"])
    return JobRecord(
        job_id=job_id,
        state=state,
        prompt=prompt,
        ending=ending,
        attempt=int(fields.get(b"attempt", b"0")),
        cancelling=b"cancel" in fields,
        times=times,
        # What ends with an answer from the cache at once has ended before its `done`, the first entry, is said.
        seq=max(int(fields.get(b"seq", b"0")), int(state in ENDED)),
        last_event=int(fields[b"last_event"]) if b"last_event" in fields else None,
        shown_tokens=int(fields[b"shown"]) if b"shown" in fields else None,
    )


def ended_by(ending: Terminal, seq: int = 0) -> JobRecord:
    """The record of a job as its ending alone tells of it; `seq` is the number of its `done`, once that is known."""
    state, times = status_of(ending), ending.timeline
    return JobRecord(
        ending.job_id, state, ending.prompt, ending, ending.attempt, cancelling=False, times=times, seq=seq
    )


def describe(
    prompt: PromptSubmitted, policy: "Retention", ending: Terminal | None = None, published_ms: float | None = None
) -> bytes:
    """From what a script makes the job, where Redis has lost it or never knew it: MessagePack, one argument of many."""
    key = prompt.idempotency_key
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
        "idempotency": naming.scope(prompt.tenant, prompt.route, key) if key else "",
        "fingerprint": prompt.fingerprint,
        "job_ttl_ms": str(policy.job_ms),
        "idempotency_ttl_ms": str(policy.idempotency_ms),
    }
    if prompt.store:
        described["store"] = "1"
    if prompt.metadata:
        described["metadata"] = msgspec.json.encode(prompt.metadata).decode()
    if ending is None:
        described["prompt"] = codec.encode(prompt).decode()
        described["tokens"] = str(prompt.reserved_tokens)
    else:
        described["tokens"] = str(spending.spent(ending))
        if _frees_key(ending):
            described["frees_key"] = "1"
        described["attempt"] = str(ending.attempt)
        described |= {f"time_{step}_ms": f"{at_ms:.3f}" for step, at_ms in _times(ending).items()}
    if published_ms is not None:
        described["published_ms"] = f"{published_ms:.3f}"
    return msgspec.msgpack.encode(described)


def _times(ending: Terminal) -> dict[str, float]:
    """When it took each step; the last claim stands for the first of an older answer, which does not tell of that."""
    times = ending.timeline
    if isinstance(ending, AnswerCompleted) and "claimed" in times:
        return {"started": times["claimed"], **times}
    return times


def _frees_key(ending: Terminal) -> bool:
    """Whether a call failed that its client is told to make again, which its idempotency key must not forbid.

    Not so of what is handed in as a job: that is one job, whatever became of it.
    """
    prompt = ending.prompt
    in_background = prompt.response is not None and prompt.response.background
    is_a_job = prompt.route == "/v1/jobs" or prompt.as_job or in_background
    return isinstance(ending, AnswerFailed) and ending.error.code in MAY_PASS and not is_a_job
