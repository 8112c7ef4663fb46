"""A record on its way to the log, made the same by whatever pen writes it: pure."""

from dataclasses import dataclass
from typing import Any, Protocol

from producers.events import PromptSubmitted
from producers.log import codec, partitioning
from producers.log.topics import Topic, prompts


@dataclass(frozen=True)
class Written:
    """Where the log holds a record, and the broker's time of it."""

    partition: int
    offset: int
    timestamp_ms: float


class Pen(Protocol):
    """What writes events to the log."""

    async def publish(self, topic: Topic, key: str, event: Any, traceparent: str | None = None) -> Written:
        """Publish an event under its key; the record is on all in-sync replicas when this returns.

        Raises:
            Unavailable: the broker did not acknowledge in time; the record may still appear.
            TooLarge: no broker of ours will take the record.
        """
        ...


@dataclass(frozen=True)
class Outgoing:
    """A record as the client libraries want it."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]

    @property
    def size_bytes(self) -> int:
        """What it takes of the memory that waits for acknowledgements."""
        return len(self.key) + len(self.value)


def of_prompt(prompt: PromptSubmitted, prefix: str) -> Outgoing:
    """A prompt goes to its shard, under the key that it is spread by."""
    topic, partition = shard_of(prompt)
    return _outgoing(f"{prefix}{topic}", partition, _spread_by(prompt), prompt, prompt.traceparent)


def shard_of(prompt: PromptSubmitted) -> tuple[str, int]:
    """The topic of its lane, and there the one partition of its conversation or one of its tenant's."""
    topic = prompts(prompt.lane)
    return topic.name, partitioning.of_prompt(prompt.tenant, _spread_by(prompt), topic.partitions)


def _spread_by(prompt: PromptSubmitted) -> str:
    return prompt.conversation or prompt.job_id


def of_event(topic: Topic, key: str, event: Any, traceparent: str | None, prefix: str) -> Outgoing:
    """Any other event goes where its key says."""
    return _outgoing(f"{prefix}{topic.name}", partitioning.of_key(key, topic.partitions), key, event, traceparent)


def _outgoing(topic: str, partition: int, key: str, event: Any, traceparent: str | None) -> Outgoing:
    told = {"traceparent": traceparent, "job_id": getattr(event, "job_id", None)}
    headers = [(name, value.encode()) for name, value in told.items() if value]
    return Outgoing(topic, partition, key.encode(), codec.encode(event), headers)
