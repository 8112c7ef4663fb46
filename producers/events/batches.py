"""What is said on `batches`: how far a file of prompts is."""

from typing import Literal

import msgspec

from producers.events.answers import Usage
from producers.events.base import Event, Idempotency
from producers.events.prompts import Webhook

BatchStatus = Literal["completed", "failed", "expired", "cancelled"]


class LineError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with a line of a batch's input; lines count from 1."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class BatchSubmitted(Event, frozen=True, kw_only=True):
    """A client wants every line of a file answered until `expires_ms`."""

    batch_id: str
    tenant: str
    key_id: str
    endpoint: str
    input_file_id: str
    expires_ms: float
    metadata: dict[str, str] = {}
    output_ttl_s: int | None = None
    """How long its output is kept; None: as long as any file."""
    webhook: Webhook | None = None
    idempotency: Idempotency | None = None
    at_ms: float = 0.0


class BatchValidated(Event, frozen=True, kw_only=True):
    """Every line of a batch is one that we would accept; its jobs are submitted from now on."""

    batch_id: str
    tenant: str
    model: str
    lines: int
    at_ms: float = 0.0


class BatchCancelRequested(Event, frozen=True, kw_only=True):
    """A client wants no more of a batch."""

    batch_id: str
    tenant: str
    at_ms: float = 0.0


class BatchFinalizing(Event, frozen=True, kw_only=True):
    """No line of a batch is left to wait for: its output is written."""

    batch_id: str
    tenant: str
    at_ms: float = 0.0


class BatchEnded(Event, frozen=True, kw_only=True):
    """A batch is over, and its files are in the store; with what its webhook needs, which reads nothing else."""

    batch_id: str
    tenant: str
    status: BatchStatus
    completed: int = 0
    failed: int = 0
    usage: Usage | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: tuple[LineError, ...] = ()
    key_id: str = ""
    webhook: Webhook | None = None
    metadata: dict[str, str] = {}
    at_ms: float = 0.0


BatchEvent = BatchSubmitted | BatchValidated | BatchCancelRequested | BatchFinalizing | BatchEnded
