"""What is said on `dead.letters`: what nobody can process, and what a person did about it."""

from typing import Literal

from producers.events.base import Event


class Buried(Event, frozen=True, kw_only=True):
    """A record or a job that nobody can process: kept for a person to look at."""

    job_id: str | None
    reason: Literal["undecodable", "poison", "refused", "exhausted"]
    error: str
    """What went wrong last."""
    first_error: str = ""
    """What went wrong the first time, where it was tried more than once."""
    attempts: int = 0
    origin_topic: str
    origin_partition: int
    origin_offset: int
    payload_base64: str = ""
    """The record's bytes, or their first part where `error` says so."""
    at_ms: float = 0.0


class Redriven(Event, frozen=True, kw_only=True):
    """The prompt of a dead letter, maybe edited, is in the log as a new job; the old job stays as it ended."""

    letter_id: str
    number: int
    """Which redrive of the letter it is, from 1: the new job's id follows from both."""
    job_id: str
    """The new job."""
    edited: bool = False
    fingerprint: str = ""
    """Of the prompt that was handed in, as submits have it: two redrives of one number are to say the same."""
    by: str = ""
    """The key that asked, or the user at the command line."""
    at_ms: float = 0.0


class Discarded(Event, frozen=True, kw_only=True):
    """Somebody has looked at a dead letter, and nothing is to become of it."""

    letter_id: str
    note: str
    by: str = ""
    at_ms: float = 0.0


LetterEvent = Buried | Redriven | Discarded
