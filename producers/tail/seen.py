"""A record as it was read from the log, and whether it is one that was asked for. Pure."""

from dataclasses import dataclass
from typing import Any

from infra.errors import InvalidEvent
from producers.log import codec
from producers.log.dead_letters import job_of
from producers.log.topics import Topic


@dataclass(frozen=True)
class Seen:
    """One record; `event` is None where the bytes are none, and `error` says why."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: float
    key: str
    value: bytes
    event: Any
    error: str = ""
    job_id: str | None = None

    @property
    def type(self) -> str:
        """The name of its event's class."""
        return type(self.event).__name__ if self.event is not None else "undecodable"


@dataclass(frozen=True)
class Wanted:
    """Which records are asked for: those that match all that is given."""

    job: str | None = None
    tenant: str | None = None
    type: str | None = None
    conversation: str | None = None

    def takes(self, seen: Seen) -> bool:
        """Whether the record is one of them."""
        asked = (
            (self.job, seen.job_id),
            (self.tenant, tenant_of(seen.event)),
            (self.type, seen.type),
            (self.conversation, conversation_of(seen.event)),
        )
        return all(want is None or want == has for want, has in asked)


def seen(topic: Topic, record: Any) -> Seen:
    """What a record of the client library tells; bytes that are no event of the topic are told of, too."""
    event, error = None, ""
    try:
        event = codec.decode(topic, record.value)
    except InvalidEvent as failed:
        error = str(failed) if record.value else "no value: the newest word on this key is that it is deleted"
    return Seen(
        topic=topic.name,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=float(record.timestamp),
        key=(record.key or b"").decode(errors="replace"),
        value=record.value or b"",
        event=event,
        error=error,
        job_id=getattr(event, "job_id", None) or job_of(record.key, record.headers),
    )


def tenant_of(event: Any) -> str | None:
    """Whose event it is; None where it does not say."""
    found = getattr(event, "tenant", None) or getattr(getattr(event, "prompt", None), "tenant", None)
    return found or (event.id if type(event).__name__ == "TenantDefined" else None)


def conversation_of(event: Any) -> str | None:
    """The conversation that it belongs to, if any."""
    return getattr(event, "conversation", None) or getattr(getattr(event, "prompt", None), "conversation", None)
