"""What readers of a job's token stream see: numbered entries, kept in a Redis stream and announced on a channel."""

from dataclasses import dataclass
from typing import Literal

from producers.jobs.scripts import Scripts, asked

Kind = Literal["token", "snapshot", "status", "done"]


@dataclass(frozen=True)
class Entry:
    """One entry: `token` and `snapshot` carry text, `status` a JSON object of changed fields, `done` nothing."""

    seq: int
    kind: Kind
    value: str


def channel(prefix: str, job_id: str) -> str:
    """The channel on which a job's entries are announced, each as `seq kind value`."""
    return f"{prefix}live:{job_id}"


def cancels_channel(prefix: str) -> str:
    """The channel on which ids of running jobs to be stopped are announced: a nudge, never the only word."""
    return f"{prefix}cancels"


def parse(announcement: bytes) -> Entry:
    """The entry that an announcement on a job's channel carries."""
    seq, kind, value = announcement.decode().split(" ", 2)
    return Entry(int(seq), kind, value)  # type: ignore[arg-type] # written by our own scripts only


async def entries_after(scripts: Scripts, job_id: str, seq: int = 0) -> list[Entry]:
    """The entries of a job's stream with greater numbers, in order.

    Raises:
        Unavailable: Redis does not answer.
    """
    found = await asked(scripts.redis.xrange(f"{scripts.prefix}tokens:{job_id}", min=f"({seq}-0", max="+"))
    return [Entry(int(key.split(b"-")[0]), each[b"k"].decode(), each[b"v"].decode()) for key, each in found]


def text_of(entries: list[Entry]) -> str:
    """The text that these entries show: tokens joined, from the last snapshot on."""
    text = ""
    for each in entries:
        if each.kind == "snapshot":
            text = each.value
        elif each.kind == "token":
            text += each.value
    return text
