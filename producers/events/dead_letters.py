"""What is said on `dead.letters`."""

from typing import Literal

from producers.events.base import Event


class Buried(Event, frozen=True, kw_only=True):
    """A record or a job that nobody can process: kept for a person to look at."""

    job_id: str | None
    reason: Literal["undecodable", "poison", "refused", "exhausted"]
    error: str
    attempts: int = 0
    origin_topic: str
    origin_partition: int
    origin_offset: int
    payload_base64: str = ""
    """The record's bytes, or their first part where `error` says so."""
    at_ms: float = 0.0
