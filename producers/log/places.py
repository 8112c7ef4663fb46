"""Where in the log something stands."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a record stands; `topic` is without prefix."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """`topic:partition:offset`."""
        return f"{self.topic}:{self.partition}:{self.offset}"
