"""Entries of a job's stream to server-sent events (conventions §8 and §9). Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.jobs.objects import job_object, logprobs, tool_call
from infra import sse
from producers.jobs.live import Entry, Piece, joined, pieces_of, text_in
from producers.jobs.record import JobRecord
from producers.state.retention import Retention


def encode_entry(entry: Entry) -> bytes:
    """One entry but the last (`done` carries the job object, which is read when it comes)."""
    match entry.kind:
        case "piece" if (piece := entry.piece) is not None:
            return sse.encode(msgspec.json.encode(_more(piece)).decode(), event="token", id=entry.seq)
        case "token" | "snapshot":
            return sse.encode(msgspec.json.encode({"text": entry.value}).decode(), event=entry.kind, id=entry.seq)
        case _:
            return sse.encode(entry.value, event=entry.kind, id=entry.seq)


def encode_snapshot(seq: int, pieces: Sequence[Piece]) -> bytes:
    """All that was shown so far as one event; `pieces` are in it where they are more than text of the first choice."""
    told: dict[str, Any] = {"text": text_in(pieces)}
    if not all(each.is_plain for each in pieces):
        told["pieces"] = [_more(each) for each in joined(pieces)]
    return sse.encode(msgspec.json.encode(told).decode(), event="snapshot", id=seq)


def _more(piece: Piece) -> dict[str, Any]:
    """A piece that is more than text of the first choice: which choice it belongs to, and what else it brings."""
    more: dict[str, Any] = {"text": piece.text, "index": piece.choice}
    if piece.tool_calls:
        more["tool_calls"] = [tool_call(each) for each in piece.tool_calls]
    if piece.logprobs:
        more["logprobs"] = logprobs(piece.logprobs)
    return more


def encode_rest(job: JobRecord, entries: Sequence[Entry], after: int, retention: Retention) -> bytes:
    """The rest of the stream of an ended job; where its beginning is no longer kept, all its text at once.

    The last event is the whole job object, whatever its end.
    """
    tokens = [entry for entry in entries if entry.kind != "done"]
    lost = not tokens or tokens[0].seq > after + 1
    parts = [encode_entry(entry) for entry in tokens]
    if lost and job.ending is not None and after < job.seq - 1:
        parts = [encode_snapshot(job.seq - 1, pieces_of(job.ending))]
    whole = msgspec.json.encode(job_object(job, retention)).decode()
    return b"".join([*parts, sse.encode(whole, event="done", id=job.seq)])
