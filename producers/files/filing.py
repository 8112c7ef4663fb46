"""What the scripts are told of files and batches, by whoever wrote the event and by the state view alike."""

from producers.events import (
    BatchCancelRequested,
    BatchEnded,
    BatchEvent,
    BatchFinalizing,
    BatchSubmitted,
    BatchValidated,
    FileDeleted,
    FileEvent,
    FileStored,
)
from producers.log import codec
from producers.state.retention import Retention
from producers.state.scripts import Argument

KINDS = {
    BatchSubmitted: "submitted",
    BatchValidated: "validated",
    BatchCancelRequested: "cancelling",
    BatchFinalizing: "finalizing",
    BatchEnded: "ended",
}
"""By event, the field of the batch's hash that holds it."""


def of_file(event: FileEvent, retention: Retention) -> tuple[Argument, ...]:
    """A file's id, tenant, purpose, event, time and expiry; of a deleted one no event, and how long that is known."""
    match event:
        case FileStored():
            at, expires = f"{event.at_ms:.3f}", f"{event.expires_ms:.3f}"
            return event.file_id, event.tenant, event.purpose, codec.encode(event), at, expires
        case FileDeleted():
            return event.file_id, event.tenant, "", b"", retention.job_ms, ""


def of_batch(event: BatchEvent, retention: Retention) -> tuple[Argument, ...]:
    """A batch's id, tenant, the kind of the event, itself, its time, how long it is kept, and what it reads if new."""
    kind = KINDS[type(event)]
    file_id = event.input_file_id if isinstance(event, BatchSubmitted) else ""
    return event.batch_id, event.tenant, kind, codec.encode(event), f"{event.at_ms:.3f}", retention.job_ms, file_id
