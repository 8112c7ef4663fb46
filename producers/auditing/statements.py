"""What those who show something of the log say of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class JobShown:
    """Redis shows a job so. `state` is empty where it knows none, `digest` where it has no ending."""

    job_id: str
    state: str
    partition: int | None = None
    offset: int | None = None
    """Where the ending stands that is visible."""
    digest: bytes = b""
    forgotten: bool = False


@dataclass(frozen=True)
class RowShown:
    """ClickHouse counts a job's end so."""

    job_id: str
    partition: int
    offset: int
    status: str
    completion_tokens: int


@dataclass(frozen=True)
class DeliveryShown:
    """The schedule of webhooks has a delivery still to do, or (an empty `state`) knows none under this id."""

    webhook_id: str
    state: str


Statement = JobShown | RowShown | DeliveryShown
