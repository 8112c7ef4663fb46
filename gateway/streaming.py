"""Entries of a job's stream to server-sent events (conventions §8 and §9). Pure."""

import msgspec

from infra import sse
from producers.jobs.live import Entry


def encode_entry(entry: Entry) -> bytes:
    """One entry but the last (`done` carries the job object, which is read when it comes)."""
    match entry.kind:
        case "token" | "snapshot":
            return sse.encode(msgspec.json.encode({"text": entry.value}).decode(), event=entry.kind, id=entry.seq)
        case _:
            return sse.encode(entry.value, event=entry.kind, id=entry.seq)


def encode_done(seq: int, job: bytes) -> bytes:
    """The last event: the whole job object, whatever its end."""
    return sse.encode(job.decode(), event="done", id=seq)
