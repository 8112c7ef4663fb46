"""Under which id the end of a job, or of a batch, is told to its webhook: always the same one, whoever works it out."""

from infra.ids import derived_id
from producers.events import BatchEnded, Terminal, status_of


def type_of(event: Terminal | BatchEnded) -> str:
    """The type of the webhook that tells of an ending: `job.completed`, `batch.completed` and their like."""
    return f"batch.{event.status}" if isinstance(event, BatchEnded) else f"job.{status_of(event)}"


def id_of(about: str, url: str, kind: str) -> str:
    """The `webhook-id` of what is told of a job or a batch."""
    return derived_id("msg", f"{about}\n{url}\n{kind}")
