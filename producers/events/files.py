"""What is said on `files`."""

from typing import Literal

from producers.events.base import Event, Idempotency

FilePurpose = Literal["batch", "batch_output"]


class FileStored(Event, frozen=True, kw_only=True):
    """A file lies in the store, whole; at `expires_ms` its bytes go."""

    file_id: str
    tenant: str
    filename: str
    size_bytes: int
    purpose: FilePurpose
    expires_ms: float
    idempotency: Idempotency | None = None
    at_ms: float = 0.0


class FileDeleted(Event, frozen=True, kw_only=True):
    """A file is to be forgotten, and its bytes are to go."""

    file_id: str
    tenant: str
    at_ms: float = 0.0


FileEvent = FileStored | FileDeleted
