"""Entries of a job's stream to server-sent events (conventions §8 and §9). Pure."""

import msgspec

from gateway.job_object import job_object
from infra import sse
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord, Retention

HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def encode_entry(entry: Entry) -> bytes:
    """One entry but the last (`done` carries the job object, which is read when it comes)."""
    match entry.kind:
        case "token" | "snapshot":
            return sse.encode(msgspec.json.encode({"text": entry.value}).decode(), event=entry.kind, id=entry.seq)
        case _:
            return sse.encode(entry.value, event=entry.kind, id=entry.seq)


def encode_rest(job: JobRecord, entries: list[Entry], after: int, retention: Retention) -> bytes:
    """The rest of the stream of an ended job; where its beginning is no longer kept, all its text at once.

    The last event is the whole job object, whatever its end.
    """
    tokens = [entry for entry in entries if entry.kind != "done"]
    lost = not tokens or tokens[0].seq > after + 1
    parts = [encode_entry(entry) for entry in tokens]
    if lost and job.ending is not None and after < job.seq - 1:
        parts = [encode_entry(Entry(job.seq - 1, "snapshot", job.ending.text))]
    whole = msgspec.json.encode(job_object(job, retention)).decode()
    return b"".join([*parts, sse.encode(whole, event="done", id=job.seq)])
